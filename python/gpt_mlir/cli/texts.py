"""What `--help` says about the program and its commands.

Kept apart from the functions, because the mark that keeps the lines of a paragraph as they are is a
control character, which does not belong into a docstring.
"""

from __future__ import annotations

PROGRAM = """Compile GPT language models with MLIR and run them.

A model is a folder as Hugging Face has them: config.json (gpt2, gpt_neox or llama),
model.safetensors, tokenizer.json. It is compiled for this machine when it is first used; the
code is kept in ~/.cache/gpt-mlir, or in GPT_MLIR_CACHE.

\b
Examples:
  gpt-mlir generate "To be, or not to be"
  gpt-mlir generate -m ./my-gpt2 -n 200 --temperature 0.8 --seed 1 "Once upon a time"
  gpt-mlir compile -m ./my-gpt2
  gpt-mlir inspect -m ./my-gpt2 --stage linalg --function block_decode
"""

GENERATE = """Continue a text.

The continuation goes to stdout as it is made, the timing to stderr. Sampling options that are
not given come from the model's generation_config.json; naming a temperature other than 0,
top-k, top-p or min-p turns sampling on.

\b
Examples:
  gpt-mlir generate "ROMEO:"
  gpt-mlir generate --temperature 0.8 --top-p 0.95 --seed 7 "ROMEO:"
  gpt-mlir generate -n 400 --stop "JULIET:" "ROMEO:" > scene.txt
  head -c 500 letter.txt | gpt-mlir generate -m ./my-llama
"""

COMPILE = """Compile a model, so that the first generation starts at once.

Prints what was compiled, where the code is kept and how long it took.

\b
Examples:
  gpt-mlir compile -m ./my-gpt2
  GPT_MLIR_CACHE=/var/cache/gpt gpt-mlir compile -m ./my-gpt2 --target-cpu x86-64-v3
"""

INSPECT = """Show what a model is: architecture, weights, memory; or its IR at any stage.

\b
Stages, from the model to the machine:
  gpt     what the model computes, in the gpt dialect
  linalg  the same on tensors, as linear algebra
  vector  tiled and vectorised, still on tensors
  loops   the same on memory, as loops
  llvm    in the LLVM dialect
  asm     assembly for the target

\b
Examples:
  gpt-mlir inspect -m ./my-gpt2
  gpt-mlir inspect --stage gpt --no-cache
  gpt-mlir inspect --stage linalg --function block_decode | less
  gpt-mlir inspect --stage gpt | gpt-opt --gpt-to-linalg-pipeline
"""

VERIFY = """Check every stage of the compiler against an independent reference.

Runs the model, or each function of an .mlir file on random inputs, with the code of each stage:
the pipeline up to there, then the plainest lowering. Prints for each stage the largest errors,
the change from the stage before, and how much of the tolerance is used. The reference is an
evaluator in float64 that knows nothing of the compiler, or transformers. Each op is also compiled
alone and run on operands that it has there; the last column names the worst.

Exit code 1 if a stage is outside of its tolerance. With --bisect the module is then reduced, and
a folder gets the smallest part that fails, the pass that is to blame, and the IR around it.

\b
Examples:
  gpt-mlir verify ./my-gpt2
  gpt-mlir verify ./my-gpt2 --reference transformers --prompt "Once upon a time"
  gpt-mlir verify block.mlir --size seq=17 --json
  gpt-mlir verify block.mlir --size seq=17 --steps
  gpt-mlir verify block.mlir --bisect --out found
"""
