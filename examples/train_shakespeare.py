"""Trains the bundled demo checkpoint: a small GPT-NeoX on Tiny Shakespeare, on a CPU.

The first 90 % of the corpus trains a byte-level BPE tokenizer and the model, the last 10 % is held
out. The model is scored as it is stored (weights rounded to bfloat16, computed in float32) with a
sliding window over the whole held-out split, in nats per byte, so that the figure is free of the
vocabulary and can stand beside a byte n-gram (modified Kneser-Ney) trained on the same split.

    python examples/train_shakespeare.py --corpus tinyshakespeare.txt --out checkpoint
"""

import argparse
import copy
import json
import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Generator, Tensor, nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

END_OF_TEXT = "<|endoftext|>"
TRAIN_FRACTION = 0.9
MAX_NGRAM = 9


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained and for how long; the defaults are those of the bundled checkpoint."""

    vocab_size: int = 512
    hidden_size: int = 256
    num_layers: int = 4
    num_heads: int = 4
    rotary_pct: float = 0.5
    context: int = 512
    dropout: float = 0.15
    batch_size: int = 8
    steps: int = 1811
    minutes: float = math.inf
    warmup_steps: int = 100
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.1
    eval_every: int = 250
    seed: int = 1337


def train_tokenizer(text: str, vocab_size: int) -> Tokenizer:
    """Trains a byte-level BPE whose token 0 is the end-of-text marker."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END_OF_TEXT], initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def build_model(recipe: Recipe) -> GPTNeoXForCausalLM:
    """Returns a freshly initialised model with tied embeddings and partial rotary positions."""
    config = GPTNeoXConfig(
        vocab_size=recipe.vocab_size,
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        intermediate_size=4 * recipe.hidden_size,
        max_position_embeddings=recipe.context,
        rotary_pct=recipe.rotary_pct,
        hidden_dropout=recipe.dropout,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPTNeoXForCausalLM(config)


@torch.inference_mode()
def total_nats(model: GPTNeoXForCausalLM, tokens: Tensor, *, fresh: float) -> float:
    """Sums the negative log-likelihood of `tokens` (int64, shape (n,)), each scored once.

    A copy of the model rounded to bfloat16 is scored, in float32. A window fills the context and
    scores its last part, the share `fresh` of it; the first token follows the end-of-text marker.
    """
    model = copy.deepcopy(model).to(torch.bfloat16).to(torch.float32).eval()
    context = model.config.max_position_embeddings
    inputs, stride = nn.functional.pad(tokens, (1, 0)), int(context * fresh)
    total, scored = 0.0, 0
    while scored < len(tokens):
        stop = min(scored + (stride if scored else context), len(tokens))
        window = inputs[None, max(0, stop - context) : stop]
        logits = model(input_ids=window).logits[0, scored - stop :]
        total += nn.functional.cross_entropy(logits, tokens[scored:stop], reduction="sum").item()
        scored = stop
    return total


def sample_batch(tokens: Tensor, speeches: Tensor, recipe: Recipe, rng: Generator) -> Tensor:
    """Returns random crops, token ids of shape (batch, context + 1).

    A tenth of them begin a speech, led by the end-of-text marker, which the model thus learns as
    the start of a text and never as something to predict.
    """
    last = len(tokens) - recipe.context - 1
    begins = torch.randint(last, (recipe.batch_size,), generator=rng)
    leads = torch.rand(recipe.batch_size, generator=rng) < 0.1
    begins = torch.where(leads, speeches[begins % len(speeches)] - 1, begins)
    crops = tokens[begins[:, None] + torch.arange(recipe.context + 1)]
    crops[leads, 0] = 0
    return crops


def train(text: str, held_out: str, out: Path, recipe: Recipe) -> None:
    """Trains the model and stores the checkpoint with the lowest held-out loss under `out`."""
    torch.manual_seed(recipe.seed)
    rng = Generator().manual_seed(recipe.seed)
    tokenizer = train_tokenizer(text, recipe.vocab_size)
    encoding = tokenizer.encode(text)
    tokens = torch.tensor(encoding.ids)
    begins = [begin for begin, _ in encoding.offsets[: -recipe.context - 1]]
    speeches = torch.tensor([i for i, at in enumerate(begins) if text[at - 2 : at] == "\n\n"])
    held_out_tokens = torch.tensor(tokenizer.encode(held_out).ids)
    model = build_model(recipe)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=recipe.weight_decay)
    print(f"{model.num_parameters():,} parameters, {len(tokens):,} training tokens")
    began, best, step, progress = time.monotonic(), math.inf, 0, 0.0
    while progress < 1.0:
        # Whichever runs out first, steps or minutes, ends the cosine decay.
        minutes = (time.monotonic() - began) / 60
        progress = min(1.0, max((step + 1) / recipe.steps, minutes / recipe.minutes))
        rate = recipe.learning_rate * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / recipe.warmup_steps)
        batch = sample_batch(tokens, speeches, recipe, rng)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % recipe.eval_every == 0 or progress >= 1.0:
            nats = total_nats(model, held_out_tokens, fresh=0.75) / len(held_out.encode())
            print(f"step {step}, {minutes:.1f} min: loss {loss:.3f}, held out {nats:.4f} nats/byte")
            if nats < best:
                best = nats
                save_checkpoint(model, tokenizer, out)


def save_checkpoint(model: GPTNeoXForCausalLM, tokenizer: Tokenizer, out: Path) -> None:
    """Writes weights (bfloat16, the tied head once), configurations and tokenizer."""
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(out)
    tokenizer.save(str(out / "tokenizer.json"))
    config = json.loads((out / "config.json").read_text())
    rope = config["rope_parameters"]
    # transformers before release 5 reads the rotary settings and the type under other names.
    config |= {"rotary_pct": rope["partial_rotary_factor"], "rotary_emb_base": rope["rope_theta"]}
    config["torch_dtype"] = config["dtype"]
    specials = {"bos_token_id": 0, "eos_token_id": 0}
    for name, value in {
        "config.json": config,
        "generation_config.json": specials | {"do_sample": True, "temperature": 0.8, "top_k": 40},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": False,
            "model_max_length": model.config.max_position_embeddings,
        },
    }.items():
        (out / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


class SmoothedCounts:
    """One order of an interpolated modified Kneser-Ney model (Chen and Goodman, 1998)."""

    def __init__(self, counts: Counter[bytes]) -> None:
        """Estimates the three discounts and tallies the followers of every history."""
        n = Counter(counts.values())
        y = n[1] / max(1, n[1] + 2 * n[2])
        self.counts = counts
        self.discounts = [max(0.0, k - (k + 1) * y * n[k + 1] / max(1, n[k])) for k in range(4)]
        self.histories: defaultdict[bytes, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for gram, count in counts.items():
            tally = self.histories[gram[:-1]]
            tally[0] += count
            tally[min(count, 3)] += 1

    def probability(self, gram: bytes, lower: float) -> float:
        """Returns the probability of the last byte, given `lower`, that of the shorter history."""
        if gram[:-1] not in self.histories:
            return lower
        total, *tally = self.histories[gram[:-1]]
        count = self.counts.get(gram, 0)
        kept = count - self.discounts[min(count, 3)]
        freed = sum(d * k for d, k in zip(self.discounts[1:], tally, strict=True))
        return (kept + freed * lower) / total


def ngram_nats(text: bytes, held_out: bytes) -> dict[int, float]:
    """Returns the held-out loss of byte n-grams in nats per byte, by order."""
    raw = [Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(MAX_NGRAM + 1)]
    top = [SmoothedCounts(counts) for counts in raw]
    left = [SmoothedCounts(Counter(gram[1:] for gram in counts)) for counts in raw[1:]]
    nats = dict.fromkeys(range(1, MAX_NGRAM + 1), 0.0)
    joined = text[-MAX_NGRAM:] + held_out
    for end in range(MAX_NGRAM + 1, len(joined) + 1):
        lower = 1 / 256
        for n in nats:
            gram = joined[end - n : end]
            nats[n] -= math.log(top[n].probability(gram, lower)) / len(held_out)
            lower = left[n].probability(gram, lower) if n < MAX_NGRAM else lower
    return nats


def main() -> None:
    """Trains unless told only to evaluate; then reports the model and the n-grams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="tinyshakespeare.txt")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint directory")
    parser.add_argument("--evaluate-only", action="store_true", help="score --out as it is")
    for field in fields(Recipe):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=type(field.default), default=field.default)
    args = parser.parse_args()
    corpus = args.corpus.read_bytes()
    cut = int(len(corpus) * TRAIN_FRACTION)
    text, held_out = corpus[:cut], corpus[cut:]
    if not args.evaluate_only:
        recipe = Recipe(**{field.name: getattr(args, field.name) for field in fields(Recipe)})
        train(text.decode(), held_out.decode(), args.out, recipe)
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    model = GPTNeoXForCausalLM.from_pretrained(args.out, dtype=torch.float32)
    tokens = torch.tensor(tokenizer.encode(held_out.decode()).ids)
    print(f"held out: model {total_nats(model, tokens, fresh=0.75) / len(held_out):.4f} nats/byte")
    for order, nats in ngram_nats(text, held_out).items():
        print(f"held out: {order}-gram {nats:.4f} nats/byte")


if __name__ == "__main__":
    main()
