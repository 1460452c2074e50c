#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/error.h"

namespace taper TAPER_API {

/// A dictionary that keeps the order of insertion. Lookup is by hash once there are more than a
/// few items; insertion and erasure invalidate references to values.
template <class Key, class Value>
class OrderedDict {
 public:
  class Item {
   public:
    Item(Key key, Value value) : pair_(std::move(key), std::move(value)) {}
    const Key& key() const { return pair_.first; }
    Value& value() { return pair_.second; }
    const Value& value() const { return pair_.second; }
    Value& operator*() { return value(); }
    const Value& operator*() const { return value(); }
    Value* operator->() { return &value(); }
    const Value* operator->() const { return &value(); }
    const std::pair<Key, Value>& pair() const { return pair_; }

   private:
    std::pair<Key, Value> pair_;
  };
  using Iterator = typename std::vector<Item>::iterator;
  using ConstIterator = typename std::vector<Item>::const_iterator;

  /// The description names the keys in errors: "Parameter 'w' already defined".
  explicit OrderedDict(std::string key_description = "Key")
      : key_description_(std::move(key_description)) {}
  /// Throws when a key comes twice.
  OrderedDict(std::initializer_list<Item> items) : OrderedDict() {
    for (const Item& item : items) insert(item.key(), item.value());
  }

  const std::string& key_description() const { return key_description_; }
  size_t size() const { return items_.size(); }
  bool is_empty() const { return items_.empty(); }
  void reserve(size_t capacity) { items_.reserve(capacity); }

  Iterator begin() { return items_.begin(); }
  Iterator end() { return items_.end(); }
  ConstIterator begin() const { return items_.begin(); }
  ConstIterator end() const { return items_.end(); }

  Item& front() { return (*this)[size_t{0}]; }
  const Item& front() const { return (*this)[size_t{0}]; }
  Item& back() { return (*this)[size() - 1]; }
  const Item& back() const { return (*this)[size() - 1]; }
  /// The item at a position; throws past the end.
  Item& operator[](size_t index) {
    check_index(index);
    return items_[index];
  }
  const Item& operator[](size_t index) const {
    check_index(index);
    return items_[index];
  }
  /// The value of a key; throws when there is none.
  Value& operator[](const Key& key) { return const_cast<Value&>(std::as_const(*this)[key]); }
  const Value& operator[](const Key& key) const {
    const Value* value = find(key);
    TAPER_CHECK(value != nullptr, key_description_, " '", key, "' is not defined");
    return *value;
  }
  /// The value of a key, or null.
  Value* find(const Key& key) { return const_cast<Value*>(std::as_const(*this).find(key)); }
  const Value* find(const Key& key) const {
    const size_t at = position(key);
    return at == kNone ? nullptr : &items_[at].value();
  }
  bool contains(const Key& key) const { return position(key) != kNone; }

  /// Appends; throws when the key is there already.
  Value& insert(Key key, Value value) {
    TAPER_CHECK(!contains(key), key_description_, " '", key, "' already defined");
    items_.emplace_back(std::move(key), std::move(value));
    note_last();
    return items_.back().value();
  }
  /// Inserts every item of the other; throws when a key is there already.
  void update(const OrderedDict& other) {
    for (const Item& item : other) insert(item.key(), item.value());
  }
  /// Throws when there is no such key.
  void erase(const Key& key) {
    const size_t at = position(key);
    TAPER_CHECK(at != kNone, key_description_, " '", key, "' is not defined");
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(at));
    rebuild();
  }
  void clear() {
    items_.clear();
    slots_.clear();
  }

  const std::vector<Item>& items() const { return items_; }
  std::vector<Key> keys() const {
    std::vector<Key> result;
    for (const Item& item : items_) result.push_back(item.key());
    return result;
  }
  std::vector<Value> values() const {
    std::vector<Value> result;
    for (const Item& item : items_) result.push_back(item.value());
    return result;
  }
  std::vector<std::pair<Key, Value>> pairs() const {
    std::vector<std::pair<Key, Value>> result;
    for (const Item& item : items_) result.push_back(item.pair());
    return result;
  }
  friend bool operator==(const OrderedDict& a, const OrderedDict& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!(a.items_[i].pair() == b.items_[i].pair())) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  static constexpr size_t kFew = 8;

  void check_index(size_t index) const {
    TAPER_CHECK_AS(IndexError, index < items_.size(), "Index ", index, " is out of bounds");
  }
  size_t position(const Key& key) const {
    if (slots_.empty()) {
      for (size_t i = 0; i < items_.size(); ++i) {
        if (items_[i].key() == key) return i;
      }
      return kNone;
    }
    for (size_t s = home(key); slots_[s] != 0; s = next(s)) {
      if (items_[slots_[s] - 1].key() == key) return slots_[s] - 1;
    }
    return kNone;
  }
  // Open addressing: a slot holds an item's position plus one; at most half are taken.
  size_t home(const Key& key) const { return std::hash<Key>()(key) & (slots_.size() - 1); }
  size_t next(size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
  void place(size_t index) {
    size_t s = home(items_[index].key());
    while (slots_[s] != 0) s = next(s);
    slots_[s] = index + 1;
  }
  void note_last() {
    if (items_.size() <= kFew) return;
    if (2 * items_.size() > slots_.size()) {
      rebuild();
    } else {
      place(items_.size() - 1);
    }
  }
  void rebuild() {
    slots_.clear();
    if (items_.size() <= kFew) return;
    size_t count = 4 * kFew;
    while (count < 4 * items_.size()) count *= 2;
    slots_.resize(count, 0);
    for (size_t i = 0; i < items_.size(); ++i) place(i);
  }

  std::vector<Item> items_;
  std::vector<size_t> slots_;
  std::string key_description_;
};

}  // namespace taper
