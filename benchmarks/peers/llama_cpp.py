"""llama.cpp, through the C API that llama-cpp-python wraps.

Built from source for this processor: the wheels of others that exist do without AVX-512. Settings
are those of its own tools; keys and values have the bits of the case.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Array, Job
from benchmarks.peers.gguf_file import write_gguf
from benchmarks.shapes import model_sizes

__all__ = ["LlamaCpp"]

_CONTEXT = 1088


class LlamaCpp(Adapter):
    """`llama_decode` on batches of our own."""

    name = "llama.cpp"
    packages = ("llama-cpp-python", "gguf")
    kinds = frozenset({"prefill", "decode"})
    dtypes = frozenset({"f32", "bf16"})
    models = frozenset({"gpt2", "llama"})
    batches = True

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        from llama_cpp import llama_cpp

        self._models: dict[Path, Any] = {}
        self._library = llama_cpp
        llama_cpp.llama_backend_init()
        self._silence = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._silence, ctypes.c_void_p(0))

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        context = self._open(case)
        ids = self.prompt(case)
        if case.kind != "decode":
            return Job(lambda: context.append(ids, 0), lambda row: row, context.clear)
        context.append(ids, 0)
        token = ids[:, :1]

        def decode() -> Array:
            for step in range(case.steps):
                logits = context.append(token, case.context + step)
            return logits

        return Job(decode, lambda row: row, lambda: context.truncate(case.context))

    def _open(self, case: Case) -> _Context:
        folder = self.folder(case)
        library = self._library
        if folder not in self._models:
            path = self.converted(folder, "model.gguf")
            if not path.exists():
                unfinished = path.with_suffix(".part")
                write_gguf(folder, unfinished)
                unfinished.rename(path)
            params = library.llama_model_default_params()
            self._models[folder] = library.llama_model_load_from_file(str(path).encode(), params)
            if not self._models[folder]:
                raise RuntimeError(f"llama.cpp cannot load {path}")
        params = library.llama_context_default_params()
        params.n_ctx = case.batch * _CONTEXT
        params.n_seq_max = case.batch
        params.n_batch = 2048
        params.n_threads = params.n_threads_batch = self.threads
        # GGML's numbers of the types; bf16 models keep f16, its own choice of two bytes.
        params.type_k = params.type_v = 0 if case.dtype == "f32" else 1
        handle = library.llama_init_from_model(self._models[folder], params)
        if not handle:
            raise RuntimeError("llama.cpp cannot make a context")
        return _Context(library, handle, model_sizes(folder).vocab)


class _Context:
    """The caches of a case; freed with it."""

    def __init__(self, library: Any, handle: Any, vocab: int) -> None:
        self._library = library
        self._handle = handle
        self._vocab = vocab
        self._memory = library.llama_get_memory(handle)

    def __del__(self) -> None:
        self._library.llama_free(self._handle)

    def append(self, ids: Array, position: int) -> Array:
        """Appends ids `[batch, n]`; returns the last logits of the last sequence."""
        count, length = ids.size, ids.shape[1]
        batch = self._library.llama_batch_init(count, 0, 1)
        try:
            batch.n_tokens = count
            for index, token in enumerate(ids.flat):
                sequence, offset = divmod(index, length)
                batch.token[index] = int(token)
                batch.pos[index] = position + offset
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = sequence
                batch.logits[index] = offset == length - 1
            status = self._library.llama_decode(self._handle, batch)
            if status:
                raise RuntimeError(f"llama_decode returned {status}")
            row = self._library.llama_get_logits_ith(self._handle, count - 1)
            return np.ctypeslib.as_array(row, shape=(self._vocab,)).copy()
        finally:
            self._library.llama_batch_free(batch)

    def clear(self) -> None:
        """Empties the caches."""
        self._library.llama_memory_clear(self._memory, False)

    def truncate(self, length: int) -> None:
        """Keeps the first tokens of each sequence only."""
        self._library.llama_memory_seq_rm(self._memory, -1, length, -1)
