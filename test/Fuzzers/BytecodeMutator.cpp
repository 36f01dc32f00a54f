//===- BytecodeMutator.cpp - Damages bytecode -------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Most changes keep the length: bytecode states the length of each section, and
// a file with a wrong one is refused before anything in it is looked at. Those
// that do not, move what follows, as a torn copy would.
//
//===----------------------------------------------------------------------===//

#include "BytecodeMutator.h"

#include <algorithm>
#include <random>

using namespace mlir;

/// The magic number: files without it are text, which is not tried here.
static constexpr size_t kMagic = 4;

/// Bytes that are something in the format: counts, indices, kinds of entries,
/// the first byte of a number that takes 2, 5 or 9.
static constexpr uint8_t kBytes[] = {0x00, 0x01, 0x02, 0x03, 0x05, 0x07,
                                     0x0b, 0x11, 0x10, 0x20, 0x7f, 0x80,
                                     0xfe, 0xff, 0xa0, 0xc0};

/// Changes `data` behind the magic number in one place.
static void mutate(std::string &data, std::mt19937_64 &random,
                   llvm::StringRef other) {
  auto below = [&](size_t end) { return random() % std::max<size_t>(end, 1); };
  size_t room = data.size() - kMagic;
  if (room == 0)
    return;
  size_t at = kMagic + below(room);
  size_t length = std::min<size_t>(data.size() - at, size_t(1) << below(7));
  switch (random() % 12) {
  case 0:
  case 1:
    data[at] ^= char(1 << below(8));
    break;
  case 2:
  case 3:
    data[at] = char(kBytes[below(std::size(kBytes))]);
    break;
  case 4:
    data[at] = char(random());
    break;
  case 5: // Numbers are one more or less.
    data[at] = char(data[at] + (random() % 2 ? 2 : -2));
    break;
  case 6: // The same bytes in another place.
    std::copy_n(std::string(data, at, length).begin(), length,
                data.begin() + kMagic + below(room - length + 1));
    break;
  case 7: // Those of another file.
    length = std::min(length, other.size());
    std::copy_n(other.begin() + below(other.size() - length + 1), length,
                data.begin() + at);
    break;
  case 8:
    std::swap(data[at], data[kMagic + below(room)]);
    break;
  case 9:
    data.erase(at, length);
    break;
  case 10:
    data.insert(at, std::string(data, at, length));
    break;
  case 11:
    if (random() % 4 == 0)
      data.resize(at);
    else
      std::fill_n(data.begin() + at, std::min<size_t>(length, 9), char(0xff));
    break;
  }
}

std::string gpt::fuzz::BytecodeMutator::make(uint64_t number) const {
  std::seed_seq seeds{uint32_t(seed), uint32_t(seed >> 32), uint32_t(number),
                      uint32_t(number >> 32)};
  std::mt19937_64 random(seeds);
  std::string data = corpus[random() % corpus.size()];
  const std::string &other = corpus[random() % corpus.size()];
  static constexpr unsigned counts[] = {1, 1, 1, 2, 2, 3, 5, 12};
  for (unsigned left = counts[random() % std::size(counts)]; left > 0; --left)
    mutate(data, random, other);
  return data;
}
