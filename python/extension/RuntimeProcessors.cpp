//===- RuntimeProcessors.cpp - Processors for this process ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A container often sees all processors of its host but gets the time of a few.
// Threads beyond that quota do not help: the kernel stops all of them once the
// time of a period is used up, also the one the others wait for.
//
//===----------------------------------------------------------------------===//

#include "RuntimeProcessors.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <vector>

using namespace gpt::runtime;

/// Returns the number of processors in the affinity mask.
static int countAffineProcessors() {
  // The kernel refuses sets that are smaller than its own.
  for (int capacity = CPU_SETSIZE; capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t *set = CPU_ALLOC(capacity);
    size_t size = CPU_ALLOC_SIZE(capacity);
    int status = sched_getaffinity(0, size, set);
    int count = status == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (status == 0)
      return std::max(count, 1);
    if (errno != EINVAL)
      break;
  }
  return 1;
}

static std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

static bool contains(const std::vector<std::string> &list,
                     const std::string &item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

namespace {
/// A hierarchy of control groups.
struct Hierarchy {
  /// Whether it is that of version 2.
  bool isUnified;
  /// The mounted part of the hierarchy, and where it is mounted.
  std::string root, mountPoint;
};
} // namespace

/// Finds the hierarchies that can limit processors.
static std::vector<Hierarchy> findHierarchies(const std::string &root) {
  std::vector<Hierarchy> hierarchies;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // id parent device root mount-point options tags... - type source options
    std::vector<std::string> fields = split(line, ' ');
    auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4)
      continue;
    bool isUnified = dash[1] == "cgroup2";
    if (isUnified ||
        (dash[1] == "cgroup" && contains(split(dash[3], ','), "cpu")))
      hierarchies.push_back({isUnified, fields[3], fields[4]});
  }
  return hierarchies;
}

/// Returns the group of this process in `hierarchy`, relative to its mount
/// point: "" or "/a/b".
static std::string findGroup(const std::string &root,
                             const Hierarchy &hierarchy) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // number:controllers:path; no controllers in version 2
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3)
      continue;
    bool matches = hierarchy.isUnified ? fields[1].empty()
                                       : contains(split(fields[1], ','), "cpu");
    if (!matches)
      continue;
    std::string path = fields[2];
    if (hierarchy.root != "/") {
      // A group outside of what is mounted cannot be read.
      if (path.compare(0, hierarchy.root.size(), hierarchy.root) != 0)
        return "";
      path.erase(0, hierarchy.root.size());
    }
    return path == "/" || path.find("..") != std::string::npos ? "" : path;
  }
  return "";
}

/// Reads the limit of one group, in processors.
static std::optional<double> readLimit(const std::string &folder,
                                       bool isUnified) {
  double quota = -1, period = -1;
  if (isUnified) {
    // "max 100000" for no limit.
    std::ifstream file(folder + "/cpu.max");
    file >> quota >> period;
  } else {
    // -1 for no limit.
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  if (quota > 0 && period > 0)
    return quota / period;
  return std::nullopt;
}

std::optional<double>
gpt::runtime::readProcessorQuota(const std::string &root) {
  std::optional<double> least;
  for (const Hierarchy &hierarchy : findHierarchies(root)) {
    std::string group = findGroup(root, hierarchy);
    // The group and all that it is in.
    while (true) {
      std::optional<double> limit =
          readLimit(root + hierarchy.mountPoint + group, hierarchy.isUnified);
      if (limit && (!least || *limit < *least))
        least = limit;
      if (group.empty())
        break;
      group.erase(group.rfind('/'));
    }
  }
  return least;
}

int gpt::runtime::countUsableProcessors() {
  int count = countAffineProcessors();
  if (std::optional<double> quota = readProcessorQuota(""))
    count = std::min(count, static_cast<int>(std::min(*quota, 1e6)));
  return std::max(count, 1);
}
