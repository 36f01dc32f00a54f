// RUN: gpt-opt %s --convert-gpt-attention-to-vector=key-part=128 --canonicalize --cse --split-input-file | FileCheck %s

// One query per sequence: the two query heads of a kv head share each key and value.

// CHECK-LABEL: func.func @decode
func.func @decode(%q: tensor<?x1x80xf32>, %k: tensor<?x1x40xf32>, %kc: tensor<?x2x?x20xf32>, %vc: tensor<?x2x?x20xf32>,
    %p: tensor<?xi64>) -> (tensor<?x1x80xf32>, tensor<?x2x?x20xf32>, tensor<?x2x?x20xf32>) {
  // CHECK-DAG:     %[[C128:.+]] = arith.constant 128 : index
  // CHECK:         %[[CAPACITY:.+]] = tensor.dim %{{.+}} : tensor<?x2x?x20xf32>
  // CHECK:         %[[CACHES:.+]]:2 = scf.for
  // As many parts as the longest sequence has, whatever the number of threads.
  // CHECK:         %[[LONGEST:.+]] = scf.for {{.+}} -> (index)
  // CHECK:         %[[PARTS:.+]] = arith.ceildivsi %[[LONGEST]], %[[C128]]
  // Memory for them is that of a full cache.
  // CHECK:         %[[ROOM:.+]] = arith.ceildivsi %[[CAPACITY]], %[[C128]]
  // CHECK:         tensor.empty(%{{.+}}, %[[ROOM]]) : tensor<?x2x?x2x32xf32>
  // CHECK:         %[[PARTIAL:.+]]:3 = scf.forall (%[[B:.+]], %[[G:.+]], %[[P:.+]]) in (%{{.+}}, 2, %[[PARTS]]) shared_outs
  // 20 features: 16, then 4.
  // CHECK:           %[[SCORES:.+]] = scf.for {{.+}} -> (tensor<2x128xf32>)
  // CHECK:             %[[KEY:.+]] = vector.transfer_read %[[CACHES]]#0[%[[B]], %[[G]], %{{.+}}, %{{.+}}]{{.+}} : tensor<?x2x?x20xf32>, vector<16xf32>
  // CHECK:             arith.mulf %{{.+}}, %[[KEY]]
  // CHECK:             arith.mulf %{{.+}}, %[[KEY]]
  // CHECK:             vector.transfer_read %[[CACHES]]#0[%{{.+}}], %{{.+}}, %{{.+}} {in_bounds = [true]} : tensor<?x2x?x20xf32>, vector<16xf32>
  // CHECK-COUNT-2:     vector.reduction <add>, %{{.+}} fastmath<reassoc>
  // CHECK-COUNT-2:   vector.reduction <maxnumf>
  // CHECK:           scf.for {{.+}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
  // CHECK:             vector.transfer_read %[[CACHES]]#1
  // CHECK:           tensor.parallel_insert_slice
  // CHECK:         scf.forall (%{{.+}}, %{{.+}}) in (%{{.+}}, 4)
  // CHECK:           scf.for %{{.+}} to %[[PARTS]]
  // CHECK:             math.exp
  // CHECK:           arith.divf
  %y, %k1, %v1 = gpt.cached_attention %q, %k, %k cache(%kc, %vc) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x1x80xf32>, tensor<?x1x40xf32>, tensor<?x1x40xf32>, tensor<?x2x?x20xf32>, tensor<?x2x?x20xf32>, tensor<?xi64>)
      -> (tensor<?x1x80xf32>, tensor<?x2x?x20xf32>, tensor<?x2x?x20xf32>)
  return %y, %k1, %v1 : tensor<?x1x80xf32>, tensor<?x2x?x20xf32>, tensor<?x2x?x20xf32>
}
