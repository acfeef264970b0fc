// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/reducer/per_pixel.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/influence/statistic/statistic.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// What is said of all rows together: called with them, some at a time, and asked in the end. It must not matter in
/// which order they come, or which of them together.
template <class R>
concept Reducer = std::copy_constructible<R> && requires(R& reducer, const R& seen, const Windows& rows) {
  reducer(rows);
  seen.result();
} && !Statistic<R>;

namespace detail {

template <class R>
struct ReducerOf {
  using type = R;
};
template <Statistic S>
struct ReducerOf<S> {
  using type = PerPixel<S>;
};

}  // namespace detail

/// What `Reduce` found.
template <class... R>
struct Reduced {
  std::tuple<R...> results;  ///< of each, in the order that they were given
  Peaks peaks;               ///< the extremes of all rows
  std::int64_t rows = 0;     ///< how many rows there were
  int streams = 1;  ///< how often the rows were computed: 2 where they had to be seen again and did not fit
};

/// Runs any number of statistics and reducers over a stream of rows, all in one pass.
///
///     const auto found = Reduce{}([&](const RowSink& sink) { rows(net, image, All{}, {target}, sink); },
///                                 Count{}, Fulfilment{}, ActivationMaps{});
///     const Tensor count = std::get<0>(found.results);
///
/// A threshold that is a fraction of the image's maximum needs all rows first. They are kept, and seen again from
/// memory, as long as they fit into `keep`; a stream that is larger is run a second time, at the cost of all its rows.
/// What needs no such threshold is done with the first.
struct Reduce {
  Channels channels = Channels::Sum;  ///< how the channels of the image become one value a pixel
  std::int64_t keep = std::int64_t{1}
                      << 30;  ///< bytes of rows that may be held; 0: never, the stream is run again

  /// @param stream  called with a sink of rows: gives it the same rows each time, of one target
  /// @throws Error  several targets in one stream, a row that is not finite (named), rows that differ the second time
  template <std::invocable<const RowSink&> Stream, class... R>
    requires((Statistic<R> || Reducer<R>) && ...)
  auto operator()(const Stream& stream, R... asked) const {
    const at::NoGradGuard no_grad;
    std::tuple<typename detail::ReducerOf<R>::type...> reducers{
        typename detail::ReducerOf<R>::type(std::move(asked))...};
    const auto each = [&](const Windows& rows, bool late) {
      std::apply(
          [&](auto&... reducer) {
            ((influence::needs_peaks(reducer) == late ? reducer(rows) : void()), ...);
          },
          reducers);
    };
    const bool again =
        std::apply([](const auto&... reducer) { return (influence::needs_peaks(reducer) || ...); }, reducers);

    Peaks peaks;
    std::int64_t seen = 0, kept_bytes = 0;
    std::vector<RowChunk> kept;
    bool keeps = again;
    stream(RowSink([&](const RowChunk& chunk) {
      const Windows rows(checked(chunk), channels);
      include(rows, peaks);
      each(rows, false);
      seen += rows.count();
      const auto bytes = static_cast<std::int64_t>(chunk.values.nbytes());
      kept_bytes += bytes;
      // what will not fit is not begun to be kept
      keeps =
          keeps && kept_bytes <= keep &&
          bytes / std::max<std::int64_t>(rows.count(), 1) <= keep / std::max<std::int64_t>(chunk.total, 1);
      if (keeps) {
        kept.push_back(chunk);
      } else {
        kept.clear();
      }
    }));
    int streams = 1;
    if (again && keeps) {
      for (RowChunk& chunk : kept) {
        each(Windows(chunk, channels, peaks), true);
        chunk = {};
      }
    } else if (again) {
      streams = 2;
      Peaks same;
      std::int64_t more = 0;
      stream(RowSink([&](const RowChunk& chunk) {
        const Windows rows(checked(chunk), channels, peaks);
        include(rows, same);
        each(rows, true);
        more += rows.count();
      }));
      require(more == seen && close(same, peaks), [&] {
        return text("the stream gave ", seen, " rows of at most ", peaks.magnitude(),
                    ", and the second time ", more, " of at most ", same.magnitude(),
                    "; a threshold that is a fraction of the image's maximum ",
                    "needs a stream that gives the same rows again: is the model in its evaluation mode?");
      });
    }
    return std::apply(
        [&](const auto&... reducer) {
          return Reduced<std::remove_cvref_t<decltype(reducer.result())>...>{
              {reducer.result()...}, peaks, seen, streams};
        },
        reducers);
  }

 private:
  static const RowChunk& checked(const RowChunk& chunk) {
    require(chunk.target == 0, [&] {
      return text("a stream to be reduced has rows of target ", chunk.target,
                  "; ask one target a stream, or keep those of one: if (chunk.target == 1) sink(chunk) with "
                  "target 0");
    });
    return chunk;
  }
  static void include(const Windows& rows, Peaks& peaks) {
    const auto& [high, low] = rows.extremes();
    const auto *highest = high.data_ptr<double>(), *lowest = low.data_ptr<double>();
    for (std::int64_t b = 0; b < rows.count(); ++b) {
      require(std::isfinite(highest[b]) && std::isfinite(lowest[b]), [&] {
        const auto* place = rows.chunk().places.data_ptr<std::int64_t>() + 2 * b;
        return text("the gradient of the pixel at row ", place[0], ", column ", place[1],
                    " holds NaN or infinite values; check the model there");
      });
      peaks.include(highest[b], lowest[b]);
    }
  }
  static bool close(const Peaks& a, const Peaks& b) {
    const double most = 1e-4 * (a.magnitude() + b.magnitude());
    return std::abs(a.highest - b.highest) <= most && std::abs(a.lowest - b.lowest) <= most;
  }
};

}  // namespace lumen::influence
