//===- TargetOptions.cpp - What to generate code for ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host detection and validation. A subtarget created without CPU and features
// is enough to ask LLVM which names it knows; one created with an unknown name
// would print to stderr and carry on.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/TargetOptions.h"

#include "gpt/Schedules/Schedules.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>
#include <optional>

using namespace mlir;
using llvm::StringRef;

/// Registers every back end once, so that cross compilation works.
static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

template <typename... Ts>
static llvm::Error makeError(const char *format, const Ts &...values) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), format,
                                 values...);
}

/// Returns the entry of `table` closest to `name`, if one is close enough to
/// be what was meant.
template <typename Table>
static std::string suggest(StringRef name, const Table &table) {
  unsigned bestDistance = std::max<unsigned>(1, name.size() / 3) + 1;
  StringRef best;
  for (const auto &entry : table) {
    unsigned distance = name.edit_distance(entry.Key, true, bestDistance);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = entry.Key;
    }
  }
  return best.empty() ? "" : ("; did you mean '" + best + "'?").str();
}

/// Checks that every feature in `features` has a sign and a known name.
static llvm::Error checkFeatures(StringRef features, StringRef triple,
                                 const llvm::MCSubtargetInfo &subtarget) {
  llvm::SmallVector<StringRef> parts;
  features.split(parts, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  auto known = subtarget.getAllProcessorFeatures();
  for (StringRef part : parts) {
    if (!part.starts_with("+") && !part.starts_with("-"))
      return makeError("expected target feature '%s' to begin with '+' or '-'",
                       part.str().c_str());
    StringRef name = part.drop_front();
    if (!llvm::any_of(known, [&](auto &kv) { return name == kv.Key; }))
      return makeError("unknown target feature '%s' for '%s'%s",
                       name.str().c_str(), triple.str().c_str(),
                       suggest(name, known).c_str());
  }
  return llvm::Error::success();
}

std::string gpt::getHostCpu() { return llvm::sys::getHostCPUName().str(); }

std::string gpt::getHostFeatures() {
  llvm::SmallVector<std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features, [](const std::string &lhs, const std::string &rhs) {
    return lhs.substr(1) < rhs.substr(1);
  });
  return llvm::join(features, ",");
}

StringRef gpt::getLLVMVersion() { return LLVM_VERSION_STRING; }

/// Finds the back end of `triple`.
static llvm::Expected<const llvm::Target *>
lookupTarget(const llvm::Triple &triple) {
  initializeTargets();
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return makeError("no code generator for target triple '%s'",
                     triple.str().c_str());
  return target;
}

llvm::Expected<gpt::ResolvedTarget>
gpt::resolveTarget(const TargetOptions &options) {
  std::string hostTriple = llvm::sys::getProcessTriple();
  ResolvedTarget resolved;
  resolved.triple = options.triple.empty()
                        ? hostTriple
                        : llvm::Triple::normalize(options.triple);
  resolved.cpu = options.cpu;
  resolved.features = options.features;

  llvm::Triple triple(resolved.triple);
  llvm::Expected<const llvm::Target *> target = lookupTarget(triple);
  if (!target)
    return target.takeError();
  if (options.optLevel > 3)
    return makeError("expected optimization level 0 to 3, got %u",
                     options.optLevel);

  // Only names are asked of this subtarget, hence no CPU and no features.
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      (*target)->createMCSubtargetInfo(triple, "", ""));
  if (!subtarget)
    return makeError("no code generator for target triple '%s'",
                     resolved.triple.c_str());
  if (llvm::Error error =
          checkFeatures(options.features, resolved.triple, *subtarget))
    return error;

  bool isHost = triple.getArch() == llvm::Triple(hostTriple).getArch();
  if (resolved.cpu.empty())
    resolved.cpu = isHost ? "native" : "generic";
  if (resolved.cpu == "native") {
    if (!isHost)
      return makeError("target cpu 'native' is a %s, which cannot run code "
                       "for '%s'; name a cpu, for example 'generic'",
                       getHostCpu().c_str(), resolved.triple.c_str());
    resolved.cpu = getHostCpu();
    resolved.features = getHostFeatures();
    if (!options.features.empty())
      resolved.features += "," + options.features;
  } else if (!subtarget->isCPUStringValid(resolved.cpu)) {
    return makeError(
        "unknown target cpu '%s' for '%s'%s", resolved.cpu.c_str(),
        resolved.triple.c_str(),
        suggest(resolved.cpu, subtarget->getAllProcessorDescriptions())
            .c_str());
  }
  return resolved;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
gpt::createTargetMachine(const TargetOptions &options) {
  llvm::Expected<ResolvedTarget> resolved = resolveTarget(options);
  if (!resolved)
    return resolved.takeError();
  llvm::Triple triple(resolved->triple);
  llvm::Expected<const llvm::Target *> target = lookupTarget(triple);
  if (!target)
    return target.takeError();
  std::optional<llvm::CodeGenOptLevel> level =
      llvm::CodeGenOpt::getLevel(options.optLevel);
  std::unique_ptr<llvm::TargetMachine> machine((*target)->createTargetMachine(
      triple, resolved->cpu, resolved->features, llvm::TargetOptions(),
      llvm::Reloc::PIC_, /*CM=*/std::nullopt, *level));
  if (!machine)
    return makeError("cannot create a code generator for target triple '%s'",
                     resolved->triple.c_str());
  return machine;
}

llvm::Expected<bool> gpt::hasFeatures(const TargetOptions &options,
                                      llvm::StringRef features) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  return (*machine)->getMCSubtargetInfo()->checkFeatures(features);
}

/// Instructions of operating systems, and others that LLVM uses only where a
/// program names them: virtual machines often lack some.
static constexpr llvm::StringLiteral kNeverSelected[] = {
    "cldemote", "clzero", "enqcmd",   "fsgsbase", "hreset",    "invpcid",
    "lwp",      "mwaitx", "pconfig",  "pku",      "prefetchi", "ptwrite",
    "rdpid",    "rdpru",  "rdrnd",    "rdseed",   "rtm",       "serialize",
    "sgx",      "shstk",  "tsxldtrk", "uintr",    "usermsr",   "waitpkg",
    "wbnoinvd", "xsaves"};

llvm::Expected<std::string>
gpt::findMissingFeatures(const TargetOptions &options) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  llvm::Triple host(llvm::sys::getProcessTriple());
  if ((*machine)->getTargetTriple().getArch() != host.getArch())
    return std::string();
  llvm::SmallVector<std::string> missing;
  for (const auto &feature : llvm::sys::getHostCPUFeatures()) {
    StringRef name = feature.first();
    if (!feature.second && !llvm::is_contained(kNeverSelected, name) &&
        (*machine)->getMCSubtargetInfo()->checkFeatures(("+" + name).str()))
      missing.push_back(name.str());
  }
  llvm::sort(missing);
  return llvm::join(missing, ",");
}

llvm::Expected<std::string> gpt::selectSchedule(const TargetOptions &options) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  for (const Schedule &schedule : getSchedules())
    if (schedule.architecture == "any" ||
        (schedule.architecture == (*machine)->getTargetTriple().getArchName() &&
         (*machine)->getMCSubtargetInfo()->checkFeatures(schedule.features)))
      return schedule.name.str();
  return std::string();
}
