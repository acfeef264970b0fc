// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstring>
#include <typeinfo>

#include <c10/core/DispatchKey.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace lumen::detail {

/// The dispatch key by which operators are heard (trace/intercept.hpp). Spare: LibTorch uses it in tests of its own
/// only. Where it is excluded nobody hears what runs.
inline constexpr c10::DispatchKey heard_by = c10::DispatchKey::TESTING_ONLY_GenericMode;

/// `there`, which lies in one of LibTorch's slots of this thread, as a T; null if it is none. Of lumen's per-thread state
/// only what lies in a slot is one for all shared libraries of a process that hold lumen (inline variables are not where
/// their symbols are hidden), and goes along when LibTorch hands work to another thread. Types are told by their names,
/// for each library has its own type_info: a T is final, and gets another name when its layout changes.
template <class T>
[[nodiscard]] T* slot_cast(c10::DebugInfoBase* there) {
  if (there == nullptr) return nullptr;
  const char *const name = typeid(*there).name(), *const wanted = typeid(T).name();
  return name == wanted || std::strcmp(name, wanted) == 0 ? static_cast<T*>(there) : nullptr;
}

}  // namespace lumen::detail
