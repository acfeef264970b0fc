// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/crc32.hpp>
#include <lumen/io/in_quotes.hpp>
#include <lumen/io/parse_pickle.hpp>
#include <lumen/io/parse_zip.hpp>
#include <lumen/io/stored_tensor.hpp>

namespace lumen::io {

/// An object in a file of weights that was passed over.
struct SkippedObject {
  std::string name;  ///< where it stands: "args"
  std::string type;  ///< what made it, in quotes: 'argparse.Namespace'
};

namespace pth_detail {

inline bool starts_with(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(magic);
}

/// The records that torch.save wrote, by their names without the archive's.
class Archive {
 public:
  explicit Archive(std::span<const std::uint8_t> file) {
    constexpr std::string_view pickle = "/data.pkl";
    std::string_view folder;
    const auto records = parse_zip(file);
    for (const ZipRecord& record : records)
      if (record.name.ends_with(pickle) && record.name.find('/') == record.name.size() - pickle.size())
        folder = record.name.substr(0, record.name.size() - pickle.size() + 1);
    require(!folder.empty(), "the zip archive has no data.pkl, so torch.save did not write it");
    for (const ZipRecord& record : records) {
      require(record.name.starts_with(folder), [&] {
        return text("the record ", in_quotes(record.name), " is not inside ", in_quotes(folder));
      });
      records_.emplace(record.name.substr(folder.size()), record);
    }
    require(find("constants.pkl") == nullptr,
            "the file is a TorchScript model and no state dict; read it with lumen::script, or save "
            "model.state_dict() alone");
    if (find("byteorder") != nullptr) {
      const auto order = read("byteorder");
      const std::string_view word(reinterpret_cast<const char*>(order.data()), order.size());
      require(word == "little" || word == "big",
              [&] { return text("the byte order ", in_quotes(word), " is neither 'little' nor 'big'"); });
      big = word == "big";
    }
  }

  [[nodiscard]] const ZipRecord* find(std::string_view name) const {
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : &found->second;
  }
  /// The bytes of a record, whose checksum is compared.
  [[nodiscard]] std::span<const std::uint8_t> read(const std::string& name) const {
    const ZipRecord* record = find(name);
    require(record != nullptr, [&] { return text("damaged file: there is no record ", in_quotes(name)); });
    require(!record->compressed, [&] {
      return text("the record ", in_quotes(name),
                  " is compressed, which torch.save never does; save the file again");
    });
    // torch.serialization.set_crc32_options(False) leaves zeros.
    require(record->checksum == 0 || record->checksum == crc32(record->bytes), [&] {
      return text("damaged file: the checksum of ", in_quotes(name), " is wrong; copy or download it again");
    });
    return record->bytes;
  }

  bool big = false;  ///< the numbers are in big-endian order

 private:
  std::unordered_map<std::string_view, ZipRecord> records_;
};

/// How many objects that were passed over are named at most.
inline constexpr std::size_t most_skipped = 100;

/// Turns the described tensors into stored ones, each storage looked up once.
template <class Records>
class Collector {
 public:
  Collector(const Pickle& pickle, const Records& records) : pickle_(pickle), records_(records) {}

  std::vector<StoredTensor> collect() {
    const PickleNode& root = pickle_.nodes[pickle_.root];
    require(root.kind == PickleKind::Dictionary, [&] {
      const bool foreign = root.kind == PickleKind::Foreign;
      return text("the file holds ",
                  foreign ? "an object of " + words_of(root) + ", which was not run, and " : "",
                  "no dictionary of tensors; save one, with torch.save(model.state_dict(), path)");
    });
    visit(pickle_.root, {}, 0);
    require(!found_.empty() || skipped_.empty(), [&] {
      return text("the file holds no tensor that can be read, only ", in_quotes(skipped_.front().name),
                  ", an object of ", skipped_.front().type,
                  ", which was not run; save the weights alone, with "
                  "torch.save(model.state_dict(), path)");
    });
    refuse_twins(found_);
    return std::move(found_);
  }
  [[nodiscard]] const std::vector<SkippedObject>& skipped() const { return skipped_; }

 private:
  void visit(std::uint32_t index, const std::string& name, int depth) {
    require(depth <= 32, [&] { return text("the values at ", in_quotes(name), " are nested over 32 deep"); });
    require(++visited_ <= max_pickle_nodes, "the file has over 2^20 values; it is no state dict");
    const PickleNode& node = pickle_.nodes[index];
    if (node.kind == PickleKind::Foreign && skipped_.size() < most_skipped)
      skipped_.push_back({name, words_of(node)});
    if (node.kind == PickleKind::Tensor) add(pickle_.tensors[static_cast<std::size_t>(node.number)], name);
    if (node.kind == PickleKind::List || node.kind == PickleKind::Tuple)
      for (std::size_t i = 0; i < node.items.size(); ++i)
        visit(node.items[i], below(name, text(i)), depth + 1);
    if (node.kind == PickleKind::Dictionary)
      for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
        const PickleNode& key = pickle_.nodes[node.items[i]];
        const bool named = key.kind == PickleKind::Text || key.kind == PickleKind::Integer;
        require(named || !holds_tensor(node.items[i + 1], depth + 1), [&] {
          return text("the dictionary ", in_quotes(name), " has a key that is neither text nor an integer");
        });
        if (!named) continue;
        visit(node.items[i + 1],
              below(name,
                    key.kind == PickleKind::Text ? std::string(key.text.substr(0, 1025)) : text(key.number)),
              depth + 1);
      }
  }
  bool holds_tensor(std::uint32_t index, int depth) {
    require(depth <= 32 && ++visited_ <= max_pickle_nodes,
            "the file's values are too many or nested too deep; it is no state dict");
    const PickleNode& node = pickle_.nodes[index];
    for (const std::uint32_t item : node.items)
      if (holds_tensor(item, depth + 1)) return true;
    return node.kind == PickleKind::Tensor;
  }
  [[nodiscard]] std::string words_of(const PickleNode& foreign) const {
    return pickle_.foreign[static_cast<std::size_t>(foreign.number)].words();
  }
  static std::string below(const std::string& outer, const std::string& inner) {
    std::string name = outer.empty() ? inner : outer + "." + inner;
    require(name.size() <= 1024,
            [&] { return text("the name ", in_quotes(name), " has over 1024 characters"); });
    return name;
  }
  void add(const PickledTensor& tensor, const std::string& name) {
    const PickleNode& storage = pickle_.nodes[tensor.storage];
    const std::string key = "data/" + std::string(storage.text.substr(0, 100));
    auto place = storages_.find(key);
    if (place == storages_.end()) place = storages_.emplace(key, Place{records_.read(key)}).first;
    const auto bytes = place->second.bytes;
    const std::size_t width = storage.type == nullptr ? 1 : storage.type->bytes;
    require(bytes.size() % width == 0 && bytes.size() / width == static_cast<std::uint64_t>(storage.number),
            [&] {
              return text("damaged file: the tensor ", in_quotes(name), " has a storage of ", storage.number,
                          " x ", width, " bytes, and the record ", in_quotes(key), " has ", bytes.size(),
                          " bytes");
            });
    const std::string_view flaw =
        misplaced(tensor.offset, tensor.shape, tensor.stride, bytes.size() / tensor.type->bytes);
    require(flaw.empty(), [&] { return text("damaged file: the tensor ", in_quotes(name), ": ", flaw); });
    if (!place->second.booleans && tensor.type->torch == "bool") {
      require(are_booleans(bytes), [&] {
        return text("damaged file: the tensor ", in_quotes(name),
                    " is bool and holds what is neither 0 nor 1");
      });
      place->second.booleans = true;
    }
    require(found_.size() < max_pickle_tensors, "the file has over 2^17 tensors; it is no state dict");
    found_.push_back({.name = name,
                      .type = tensor.type,
                      .storage = bytes,
                      .offset = tensor.offset,
                      .shape = tensor.shape,
                      .stride = tensor.stride,
                      .swapped = records_.big != (std::endian::native == std::endian::big)});
  }

  struct Place {
    std::span<const std::uint8_t> bytes;
    bool booleans = false;  ///< looked through already
  };

  const Pickle& pickle_;
  const Records& records_;
  std::unordered_map<std::string, Place> storages_;
  std::vector<StoredTensor> found_;
  std::vector<SkippedObject> skipped_;
  std::size_t visited_ = 0;
};

}  // namespace pth_detail

/// The tensors of a .pth file in memory that torch.save (1.6 or later) wrote: a dictionary of tensors, or of
/// further dictionaries, lists and tuples, whose names are joined by dots: {"model": {"fc.bias": ...}} gives
/// model.fc.bias, in the file's order. Numbers, texts and None beside them are passed over, and so are objects of
/// classes that are not known (a numpy scalar, an argparse.Namespace) with all that they hold. Nothing is run.
/// @param skipped  told of the first 100 of these objects
/// @return views into `file`
/// @throws Error for another format, damage, and anything but such a dictionary; see `parse_zip` and
///         `parse_pickle`
[[nodiscard]] inline std::vector<StoredTensor> parse_pth(std::span<const std::uint8_t> file,
                                                         std::vector<SkippedObject>* skipped = nullptr) {
  using pth_detail::starts_with;
  constexpr std::string_view again =
      "save it again with PyTorch 1.6 or later: torch.save(torch.load(path), path)";
  require(
      !starts_with(file, std::string_view("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14)),
      [&] { return text("the file is in PyTorch's legacy format, which is not supported; ", again); });
  require(file.size() < 262 || !starts_with(file.subspan(257), "ustar"),
          [&] { return text("the file is in PyTorch's tar format of before 0.4; ", again); });
  require(starts_with(file, "PK\x03\x04"),
          "not a .pth file of torch.save (it is no zip archive); write it with "
          "torch.save(model.state_dict(), path)");
  const pth_detail::Archive archive(file);
  const Pickle pickle = parse_pickle(archive.read("data.pkl"));
  pth_detail::Collector collector(pickle, archive);
  std::vector<StoredTensor> tensors = collector.collect();
  if (skipped != nullptr) *skipped = collector.skipped();
  return tensors;
}

}  // namespace lumen::io
