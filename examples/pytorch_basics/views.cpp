// Views: which operations share memory, what strides say, and when a view is refused.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

namespace {

const char* yes(bool value) { return value ? "yes" : "no"; }

void describe(const char* what, const Tensor& t, const Tensor& source) {
  std::cout << "  " << what << ": sizes " << t.sizes() << ", strides " << t.strides() << ", offset "
            << t.storage_offset() << ", contiguous " << yes(t.is_contiguous()) << ", shares memory "
            << yes(t.is_alias_of(source)) << '\n';
}

void show_view_and_reshape() {
  std::cout << "view and reshape\n";
  const Tensor x = arange(6).view({2, 3});
  describe("x", x, x);
  describe("x.view({3, 2})", x.view({3, 2}), x);
  describe("x.reshape({3, 2})", x.reshape({3, 2}), x);
  std::cout << "  x.view({3, 2}) begins where x does: "
            << yes(x.view({3, 2}).data_ptr() == x.data_ptr()) << '\n';
  // A transposed tensor has the same memory in another order: view() cannot, reshape() copies.
  const Tensor t = x.t();
  describe("x.t()", t, x);
  describe("x.t().reshape({6})", t.reshape({6}), x);
  try {
    t.view(-1);
  } catch (const Error& error) {
    std::cout << "  x.t().view(-1): " << error.what_without_backtrace() << '\n';
  }
  describe("x.t().contiguous().view(-1)", t.contiguous().view(-1), x);
}

void show_writing_through_views() {
  std::cout << "Writing through a view\n";
  Tensor x = zeros({3, 4}, kLong);
  x.narrow(1, 1, 2).fill_(1);  // columns 1 and 2
  x.select(0, 2).fill_(7);     // the last row
  std::cout << repr(x) << '\n';
}

void show_narrow_and_expand() {
  std::cout << "narrow, select, slice, expand\n";
  const Tensor x = arange(12).view({3, 4});
  describe("x.narrow(1, 1, 2)", x.narrow(1, 1, 2), x);
  describe("x.select(0, 1)", x.select(0, 1), x);
  describe("x.slice(1, 0, 4, 2)", x.slice(1, 0, 4, 2), x);
  // A stride of 0 repeats an element without a copy.
  const Tensor row = arange(3).view({1, 3});
  describe("row.expand({4, 3})", row.expand({4, 3}), row);
  describe("row.repeat({4, 1})", row.repeat({4, 1}), row);
}

void show_squeeze() {
  std::cout << "squeeze and unsqueeze\n";
  const Tensor x = zeros({1, 3, 1, 2});
  std::cout << "  x: " << x.sizes() << ", squeeze(): " << x.squeeze().sizes()
            << ", squeeze(0): " << x.squeeze(0).sizes() << ", squeeze(1): " << x.squeeze(1).sizes()
            << ", unsqueeze(-1): " << x.unsqueeze(-1).sizes() << '\n';
}

}  // namespace

int main() {
  show_view_and_reshape();
  show_writing_through_views();
  show_narrow_and_expand();
  show_squeeze();
}
