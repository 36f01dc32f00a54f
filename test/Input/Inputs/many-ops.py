"""Prints a function of so many ops, each of the one before."""

import sys

count = int(sys.argv[1])
print("func.func @f(%0: tensor<?x64xf32>) -> tensor<?x64xf32> {")
for index in range(count):
    print(f"  %{index + 1} = gpt.silu %{index} : (tensor<?x64xf32>) -> tensor<?x64xf32>")
print(f"  return %{count} : tensor<?x64xf32>\n}}")
