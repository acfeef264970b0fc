// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <memory>

#include <lumen/trace/detail/audience.hpp>
#include <lumen/trace/intercept.hpp>

namespace lumen::trace::detail {

/// While it lives, inside of `self`'s on_call or on_tap, those hear what runs who began to listen before `self` did: to
/// them it is a part of the model.
class HearingEarlier {
 public:
  explicit HearingEarlier(const Listener& self) {
    const auto& all = audience_in_slot(true)->listeners;
    const auto place = std::find(all.begin(), all.end(), &self);
    if (place == all.end() || place + 1 == all.end()) return;
    audience_ = std::make_shared<Audience>();
    audience_->listeners.assign(place + 1, all.end());
    c10::impl::tls_set_dispatch_key_excluded(key, false);
    audience_->begin();
  }
  HearingEarlier(const HearingEarlier&) = delete;
  HearingEarlier& operator=(const HearingEarlier&) = delete;
  ~HearingEarlier() {
    if (audience_ == nullptr) return;
    audience_->listeners.clear();
    audience_->end();
    c10::impl::tls_set_dispatch_key_included(key, true);
    c10::impl::tls_set_dispatch_key_excluded(key, true);
  }

 private:
  std::shared_ptr<Audience> audience_;
};

}  // namespace lumen::trace::detail
