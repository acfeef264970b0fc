// SPDX-License-Identifier: BSD-3-Clause
#include "sample.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <lumen/engine/independence.hpp>

#include "message.hpp"

namespace cli {

namespace fs = std::filesystem;

namespace {

/// What decides how files are read: their kinds, not their sizes.
std::string kind_of(const std::vector<Raw>& raws) {
  std::string kind;
  for (const Raw& raw : raws) {
    const lm::io::StoredValues& stored = raw.stored;
    kind += text(stored.image ? "image " : "array ", lm::io::name_of(stored.sample), ' ', stored.values.dim(),
                 ' ', stored.image ? stored.values.size(0) : 0, stored.alpha ? " alpha; " : "; ");
  }
  return kind;
}

/// Every choice of one reading each, those that differ in the last first; at most some hundred.
std::vector<std::vector<Reading>> combinations(const std::vector<std::vector<Reading>>& each) {
  std::vector<std::vector<Reading>> all{{}};
  for (const std::vector<Reading>& readings : each) {
    std::vector<std::vector<Reading>> longer;
    for (const auto& start : all)
      for (const Reading& reading : readings) {
        if (longer.size() == 256) break;
        longer.push_back(start);
        longer.back().push_back(reading);
      }
    all = std::move(longer);
  }
  return all;
}

/// The rows of the network's output for this many copies of a sample; what it said instead.
std::optional<std::string> failure(const Model& model, const Tensors& x, std::int64_t copies) {
  Tensors rows;
  for (const Tensor& part : x)
    rows.push_back(at::cat(std::vector<Tensor>(static_cast<std::size_t>(copies), part)));
  try {
    const at::NoGradGuard no_grad;
    const Tensor output = model(rows);
    if (output.defined() && output.dim() >= 1 && output.size(0) == copies) return std::nullopt;
    return text("the network gave ", output.defined() ? text(output.sizes()) : "nothing", " for ", copies,
                copies == 1 ? " sample" : " samples");
  } catch (const std::exception& error) {
    return first_line(error);
  }
}

/// Whether a sample's output depends on who is beside it: itself upside down.
bool interact(const Model& model, const Tensors& x) {
  Tensors rows;
  for (const Tensor& part : x) {
    const Tensor other = part.dim() < 2 ? part : part.flip({part.dim() - 1});
    rows.push_back(at::cat({part, at::isFloatingType(part.scalar_type()) ? other * 0.5 : other}));
  }
  try {
    const at::NoGradGuard no_grad;
    return lm::engine::with_neighbours(model.run, rows).second.has_value();
  } catch (const std::exception&) {  // what fails there will tell so when it is explained
    return false;
  }
}

/// Whether LibTorch complains about the type of numbers, not about their values or shape.
bool about_type(std::string_view said) {
  for (const char* const words : {"scalar type", "same dtype", "but got CPU", "but got CUDA"})
    if (said.find(words) != std::string_view::npos) return true;
  return false;
}

/// What the network said of an input, and which option may help.
std::string complaint(const Tensors& x, const std::string& said, bool image) {
  if (said.find("--part") != std::string::npos) return said;  // it ran, and gives more than a tensor
  std::string shapes;
  for (const Tensor& part : x)
    shapes += text(shapes.empty() ? "" : " and ", c10::toString(part.scalar_type()), ' ', part.sizes());
  const bool precision = said.find("not implemented for") != std::string::npos;
  return text("the network fails on ", shapes, ": ", said,
              precision ? "; run it in another precision: --dtype float32"
              : image   ? ""
                        : "; --shape or --batch says how an array is meant");
}

}  // namespace

Tensors Sample::explained() const {
  Tensors some;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!held[i]) some.push_back(parts[i]);
  return some.empty() ? parts : some;
}

Model Sample::explained_model(const Model& whole) const {
  const auto count = std::count(held.begin(), held.end(), true);
  if (count == 0 || count == static_cast<std::ptrdiff_t>(held.size())) return whole;
  return {[whole, all = parts, on = held](const Tensors& some) {
    Tensors x = all;
    const std::int64_t copies = some.front().size(0);
    std::size_t next = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!on[i]) {
        x[i] = some.at(next++);
      } else if (copies != 1) {
        x[i] = x[i].expand(at::IntArrayRef([&] {
                     std::vector<std::int64_t> shape = x[i].sizes().vec();
                     shape.front() = copies;
                     return shape;
                   }()))
                   .contiguous();
      }
    }
    return whole(x);
  }};
}

Tensor Reader::placed(const Tensor& x) const {
  return at::isFloatingType(x.scalar_type()) ? x.to(network_.device, network_.dtype) : x.to(network_.device);
}

Tensors Reader::first_of(const std::vector<Raw>& raws, const Readings& readings) const {
  Tensors x;
  for (std::size_t i = 0; i < raws.size(); ++i)
    x.push_back(placed(read_parts(raws[i], readings[i], how_, i).front().x));
  return x;
}

Reader::Readings Reader::decide(const std::vector<Raw>& raws) {
  std::vector<Readings> each;
  for (std::size_t i = 0; i < raws.size(); ++i)
    each.push_back(readings_of(raws[i], how_, i, raws.size() > 1));
  const auto all = combinations(each);
  // two samples must give two rows: a layer that takes an array without a batch axis would not notice
  std::string why;
  for (const std::int64_t copies : {2, 1}) {
    for (const Readings& readings : all) {
      Tensors x;
      try {
        x = first_of(raws, readings);
      } catch (const Error& error) {
        if (all.size() == 1) throw;
        if (why.empty()) why = error.what();
        continue;
      }
      const auto said = failure(network_.model, x, copies);
      if (!said) {
        one_at_a_time_ = one_at_a_time_ || copies == 1;
        samples_interact_ = samples_interact_ || (copies == 2 && interact(network_.model, x));
        return readings;
      }
      // of all that was tried, numbers of another type that fail for another reason than that tell more
      const bool other_type =
          !std::equal(readings.begin(), readings.end(), all.front().begin(),
                      [](const Reading& a, const Reading& b) { return a.integers == b.integers; });
      if (copies == 1 && (&readings == &all.front() || (other_type && about_type(why) && !about_type(*said))))
        why = complaint(x, *said, raws.front().stored.image);
    }
  }
  throw Error(why);
}

std::vector<Sample> Reader::read(const std::vector<fs::path>& files) {
  std::vector<Raw> raws;
  for (const fs::path& file : files) raws.push_back(read_raw(file));
  return lm::io::naming(files.front(), [&] {
    const std::string kind = kind_of(raws);
    auto known = known_.find(kind);
    if (known == known_.end()) known = known_.emplace(kind, decide(raws)).first;
    std::vector<std::vector<Part>> columns;
    for (std::size_t i = 0; i < raws.size(); ++i)
      columns.push_back(read_parts(raws[i], known->second[i], how_, i));
    std::size_t rows = 1;
    for (const auto& column : columns) rows = std::max(rows, column.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
      require(columns[i].size() == rows || columns[i].size() == 1, [&] {
        return text("input ", i, " holds ", columns[i].size(), " samples and another one ", rows,
                    "; every input has one row a sample");
      });
    std::vector<Sample> samples;
    for (std::size_t row = 0; row < rows; ++row) {
      Sample sample{.name = files.front().string(),
                    .stem = files.front().stem().string(),
                    .row = static_cast<std::int64_t>(row),
                    .rows = static_cast<std::int64_t>(rows)};
      if (rows > 1) sample.name += "#" + std::to_string(row), sample.stem += "-" + std::to_string(row);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const Part& part = columns[i][columns[i].size() == 1 ? 0 : row];
        sample.parts.push_back(placed(part.x));
        const bool named = std::find(held_.begin(), held_.end(), static_cast<std::int64_t>(i)) != held_.end();
        sample.held.push_back(named || !at::isFloatingType(part.x.scalar_type()));
        if (!sample.held.back()) sample.pictures.push_back(part.picture);
      }
      if (sample.pictures.empty()) sample.pictures.resize(sample.parts.size());
      samples.push_back(std::move(sample));
    }
    return samples;
  });
}

Tensor Reader::read_like(const fs::path& file, std::size_t part) {
  const Raw raw = read_raw(file);
  Readings readings = readings_of(raw, how_, part, false);
  // as an input of this kind was read, where there was one
  for (const auto& [kind, known] : known_)
    if (part < known.size() && std::find(readings.begin(), readings.end(), known[part]) != readings.end())
      return placed(read_parts(raw, known[part], how_, part).front().x);
  return placed(read_parts(raw, decide({raw}).front(), how_, part).front().x);
}

}  // namespace cli
