"""The `scf` dialect: loops and conditions whose values are results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpt_mlir.verify.interpreter.translation import Frame, Region, Step, Translate, Translation
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS"]


def _for(translation: Translation, op: Any) -> Step:
    lower, upper, stride, *initial = translation.uses(op)
    region = translation.region(op.regions[0].blocks[0])
    results = translation.defines(op)
    index, *carried = region.arguments
    run, yields, tick = region.run, region.yields, translation.machine.tick

    def step(frame: Frame) -> None:
        if frame[stride] <= 0:
            raise CrashError(f"has a loop with the step {frame[stride]}")
        values = [frame[slot] for slot in initial]
        for number in range(frame[lower], frame[upper], frame[stride]):
            tick()
            frame[index] = number
            for slot, value in zip(carried, values, strict=True):
                frame[slot] = value
            run(frame)
            values = [frame[slot] for slot in yields]
        for slot, value in zip(results, values, strict=True):
            frame[slot] = value

    return step


def _if(translation: Translation, op: Any) -> Step:
    (condition,), results = translation.uses(op), translation.defines(op)
    regions = [
        translation.region(region.blocks[0]) if len(region.blocks) else Region([], [], [])
        for region in op.regions
    ]
    true, false = regions

    def step(frame: Frame) -> None:
        region = true if frame[condition] else false
        region.run(frame)
        values = [frame[slot] for slot in region.yields]
        for slot, value in zip(results, values, strict=True):
            frame[slot] = value

    return step


def _while(translation: Translation, op: Any) -> Step:
    initial, results = translation.uses(op), translation.defines(op)
    before, after = (translation.region(region.blocks[0]) for region in op.regions)
    condition, *passed = before.yields
    tick = translation.machine.tick

    def step(frame: Frame) -> None:
        values = [frame[slot] for slot in initial]
        while True:
            tick()
            for slot, value in zip(before.arguments, values, strict=True):
                frame[slot] = value
            before.run(frame)
            values = [frame[slot] for slot in passed]
            if not frame[condition]:
                break
            for slot, value in zip(after.arguments, values, strict=True):
                frame[slot] = value
            after.run(frame)
            values = [frame[slot] for slot in after.yields]
        for slot, value in zip(results, values, strict=True):
            frame[slot] = value

    return step


HANDLERS: Mapping[str, Translate] = {"scf.for": _for, "scf.if": _if, "scf.while": _while}
