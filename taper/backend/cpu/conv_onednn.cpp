#include "taper/backend/cpu/conv.h"

#if !TAPER_WITH_ONEDNN
namespace taper::cpu {
bool conv_onednn(ScalarType, const ConvForward<void>&) { return false; }
bool conv_onednn(ScalarType, const ConvBackward<void>&) { return false; }
}  // namespace taper::cpu
#else

#include <algorithm>
#include <atomic>

#include "taper/backend/cpu/onednn-inl.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/half.h"
#include "taper/kernel/matmul.h"

namespace taper::cpu {
namespace {

using dims = memory::dims;

/// A copy between a tensor's layout and oneDNN's; none when they are the same.
struct Reorder {
  dnnl::primitive primitive;
  memory::desc from, to, scratchpad;
  bool needed = false;

  void prepare(const memory::desc& source, const memory::desc& target) {
    from = source;
    to = target;
    needed = source != target;
    if (!needed) return;
    const dnnl::reorder::primitive_desc pd(onednn_engine(), from, onednn_engine(), to,
                                           user_scratchpad());
    scratchpad = pd.scratchpad_desc();
    primitive = dnnl::reorder(pd);
  }
  size_t target_bytes() const { return needed ? to.get_size() : 0; }
  void run(const void* source, void* target, void* pad) const {
    execute(primitive, {{DNNL_ARG_FROM, &from, source},
                        {DNNL_ARG_TO, &to, target},
                        {DNNL_ARG_SCRATCHPAD, &scratchpad, scratchpad.get_size() ? pad : nullptr}});
  }
  /// The source in the target's layout: itself, or its copy in room.
  const void* load(const void* source, char* room, void* pad) const {
    if (!needed) return source;
    run(source, room, pad);
    return room;
  }
};

enum class Kind : int64_t { forward, backward_input, backward_weight };

/// What a plan depends on; compared and hashed as a row of numbers.
struct Key {
  Kind kind;
  int64_t dtype, threads, with_bias;
  ConvShape shape;
  int64_t image_stride[4], out_stride[4], weight_stride[4];
};

/// One convolution with the copies around it. image is the input or its gradient, out the result
/// or the gradient that came.
struct Plan {
  dnnl::primitive conv;
  memory::desc scratchpad, bias;
  Reorder image, out, weight;
  std::string name;
};

dims to_dims(const int64_t* s) { return dims(s, s + 4); }

memory::desc weight_desc(const Key& key, memory::data_type type, bool any) {
  const ConvShape& s = key.shape;
  const int64_t g = s.geometry.groups, c = s.channels / g, o = s.out_channels / g;
  const int64_t* st = key.weight_stride;
  if (g == 1) {
    const dims d{o, c, s.kernel_height, s.kernel_width};
    return any ? memory::desc(d, type, memory::format_tag::any)
               : memory::desc(d, type, to_dims(st));
  }
  const dims d{g, o, c, s.kernel_height, s.kernel_width};
  return any ? memory::desc(d, type, memory::format_tag::any)
             : memory::desc(d, type, dims{o * st[0], st[0], st[1], st[2], st[3]});
}

template <class Primitive, class Description>
void set_primitive(Plan& plan, const Description& pd) {
  plan.conv = Primitive(pd);
  plan.scratchpad = pd.scratchpad_desc();
  plan.name = pd.impl_info_str();
}

// Throws dnnl::error where oneDNN has no such convolution.
std::shared_ptr<const Plan> make_plan(const Key& key) {
  using F = dnnl::convolution_forward;
  using I = dnnl::convolution_backward_data;
  using W = dnnl::convolution_backward_weights;
  const ConvShape& s = key.shape;
  const ConvGeometry& g = s.geometry;
  const auto type = key.dtype == static_cast<int64_t>(kFloat32) ? memory::data_type::f32
                                                                : memory::data_type::bf16;
  const dims image_dims{s.images, s.channels, s.height, s.width};
  const dims out_dims{s.images, s.out_channels, s.out_height, s.out_width};
  const memory::desc image(image_dims, type, to_dims(key.image_stride));
  const memory::desc out(out_dims, type, to_dims(key.out_stride));
  const memory::desc weight = weight_desc(key, type, false);
  const memory::desc any_image(image_dims, type, memory::format_tag::any);
  const memory::desc any_out(out_dims, type, memory::format_tag::any);
  const memory::desc any_weight = weight_desc(key, type, true);
  // A slice's weight gradient is float32: bf16 would round each of them.
  const bool sums = key.kind == Kind::backward_weight;
  const auto sum_type = sums ? memory::data_type::f32 : type;
  const memory::desc any_sum = weight_desc(key, sum_type, true);
  const memory::desc bias = key.with_bias
                                ? memory::desc({s.out_channels}, sum_type, memory::format_tag::a)
                                : memory::desc();
  const dims stride(g.stride, g.stride + 2), pad(g.padding, g.padding + 2);
  const dims dilation{g.dilation[0] - 1, g.dilation[1] - 1};
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;

  auto plan = std::make_shared<Plan>();
  plan->bias = bias;
  const auto forward = F::desc(dnnl::prop_kind::forward_training, algorithm, any_image, any_weight,
                               sums ? memory::desc() : bias, any_out, stride, dilation, pad, pad);
  if (key.kind == Kind::forward) {
    const F::primitive_desc pd(forward, user_scratchpad(), onednn_engine());
    set_primitive<F>(*plan, pd);
    plan->image.prepare(image, pd.src_desc());
    plan->weight.prepare(weight, pd.weights_desc());
    plan->out.prepare(pd.dst_desc(), out);
  } else if (key.kind == Kind::backward_input) {
    const F::primitive_desc hint(forward, user_scratchpad(), onednn_engine());
    const I::desc desc(algorithm, any_image, any_weight, any_out, stride, dilation, pad, pad);
    const I::primitive_desc pd(desc, user_scratchpad(), onednn_engine(), hint);
    set_primitive<I>(*plan, pd);
    plan->image.prepare(pd.diff_src_desc(), image);
    plan->weight.prepare(weight, pd.weights_desc());
    plan->out.prepare(out, pd.diff_dst_desc());
  } else {
    const F::primitive_desc hint(forward, user_scratchpad(), onednn_engine());
    const W::desc desc(algorithm, any_image, any_sum, bias, any_out, stride, dilation, pad, pad);
    const W::primitive_desc pd(desc, user_scratchpad(), onednn_engine(), hint);
    set_primitive<W>(*plan, pd);
    plan->image.prepare(image, pd.src_desc());
    plan->weight.prepare(pd.diff_weights_desc(), weight);
    plan->out.prepare(out, pd.diff_dst_desc());
  }
  return plan;
}

// The plan for a number of images.
std::shared_ptr<const Plan> plan_for(Key key, int64_t images) {
  static PlanCache<Key, Plan>& plans = *new PlanCache<Key, Plan>;
  key.shape.images = images;
  return plans.find(key, make_plan);
}

/// How the batch is cut: by the shape alone, so that results do not depend on the threads. A
/// slice's blocked copies stay in L2.
struct Slices {
  int64_t count, most;
  Slices(const ConvShape& s, int64_t item, int64_t limit) {
    const int64_t bytes =
        item * (s.channels * s.height * s.width + s.out_channels * s.out_height * s.out_width);
    const int64_t fit = std::clamp<int64_t>((640 << 10) / std::max<int64_t>(1, bytes), 1, 16);
    count =
        std::clamp<int64_t>((s.images + fit - 1) / fit, std::min<int64_t>(s.images, 4), s.images);
    count = std::min(count, limit);
    most = (s.images + count - 1) / count;
  }
};

const char* at(const Block4<const void>& b, int64_t image, int64_t item) {
  return static_cast<const char*>(b.data) + image * b.stride[0] * item;
}
char* at(const Block4<void>& b, int64_t image, int64_t item) {
  return static_cast<char*>(b.data) + image * b.stride[0] * item;
}

size_t scratchpad_bytes(const Plan& p) {
  return std::max({p.scratchpad.get_size(), p.image.scratchpad.get_size(),
                   p.out.scratchpad.get_size(), p.weight.scratchpad.get_size()});
}

/// Memory of one slice: the blocked image, the blocked result, the scratchpad.
struct SliceMemory {
  size_t image, out;
  Scratch<char> memory;
  explicit SliceMemory(const Plan& p)
      : image(
            padded(p.image.needed ? std::max(p.image.from.get_size(), p.image.to.get_size()) : 0)),
        out(padded(p.out.needed ? std::max(p.out.from.get_size(), p.out.to.get_size()) : 0)),
        memory(image + out + scratchpad_bytes(p) + 64) {}
  char* image_room() const { return memory.data(); }
  char* out_room() const { return memory.data() + image; }
  char* pad() const { return memory.data() + image + out; }
};

// One slice of a forward, or of an input gradient: source -> result.
void run_slice(const Plan& p, Kind kind, const SliceMemory& m, const void* source,
               const void* weight, const void* bias, void* result) {
  const bool forward = kind == Kind::forward;
  const Reorder& in = forward ? p.image : p.out;
  const Reorder& back = forward ? p.out : p.image;
  const void* blocked = in.load(source, forward ? m.image_room() : m.out_room(), m.pad());
  void* made = !back.needed ? result : forward ? m.out_room() : m.image_room();
  execute(p.conv,
          {{forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, &in.to, blocked},
           {DNNL_ARG_WEIGHTS, &p.weight.to, weight},
           {DNNL_ARG_BIAS, &p.bias, forward ? bias : nullptr},
           {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, &back.from, made},
           {DNNL_ARG_SCRATCHPAD, &p.scratchpad, p.scratchpad.get_size() ? m.pad() : nullptr}});
  if (back.needed) back.run(made, result, m.pad());
}

Key make_key(Kind kind, ScalarType dtype, const ConvShape& shape, const int64_t* image,
             const int64_t* out, const int64_t* weight, bool with_bias) {
  Key key{kind, static_cast<int64_t>(dtype), 1, with_bias, shape, {}, {}, {}};
  std::copy_n(image, 4, key.image_stride);
  std::copy_n(out, 4, key.out_stride);
  std::copy_n(weight, 4, key.weight_stride);
  return key;
}

// Forward and input gradient: images are independent.
bool map_images(Key key, const Block4<const void>& source, const Block4<const void>& weight,
                const void* bias, const Block4<void>& result) {
  const ConvShape& s = key.shape;
  const int64_t item = elementSize(static_cast<ScalarType>(key.dtype));
  const Slices slices(s, item, 64);
  // Too few slices for the threads: one primitive takes the batch, with all of them.
  bool whole = slices.count < 2 * get_num_threads() && slices.count % get_num_threads() != 0;
  const ScopedOmpThreads scope(whole ? get_num_threads() : 1);
  whole = whole && scope.threads() > 1;
  key.threads = scope.threads();
  const int64_t most = whole ? s.images : slices.most;
  const auto plan = plan_for(key, most);
  if (plan == nullptr) return false;
  const int64_t rest = s.images % most;
  const auto last_plan = rest == 0 ? plan : plan_for(key, rest);
  if (last_plan == nullptr) return false;
  // Both plans read the same blocked weight, or the last one gets its own.
  Scratch<char> weights(padded(plan->weight.target_bytes()) +
                        padded(last_plan->weight.target_bytes()) +
                        std::max(scratchpad_bytes(*plan), scratchpad_bytes(*last_plan)) + 64);
  char* const second = weights.data() + padded(plan->weight.target_bytes());
  char* const pad = second + padded(last_plan->weight.target_bytes());
  const void* blocked = plan->weight.load(weight.data, weights.data(), pad);
  const void* last_blocked =
      last_plan == plan ? blocked : last_plan->weight.load(weight.data, second, pad);
  const auto part = [&](int64_t first, int64_t last) {
    const SliceMemory memory(*plan);
    for (int64_t i = first; i < last; ++i) {
      const int64_t image = i * most;
      const bool partial = image + most > s.images;
      if (partial) {
        const SliceMemory last_memory(*last_plan);
        run_slice(*last_plan, key.kind, last_memory, at(source, image, item), last_blocked, bias,
                  at(result, image, item));
      } else {
        run_slice(*plan, key.kind, memory, at(source, image, item), blocked, bias,
                  at(result, image, item));
      }
    }
  };
  const int64_t count = (s.images + most - 1) / most;
  if (whole) {
    part(0, count);
  } else {
    parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
      const ScopedOmpThreads inner(1);
      part(first, last);
    });
  }
  return true;
}

// Sums of the slices' gradients in the order of the slices.
void add_slices(float* sums, int64_t count, int64_t stride, int64_t size) {
  parallel_for(0, size, 8192, [&](int64_t first, int64_t last) {
    for (int64_t k = 1; k < count; ++k) {
      const float* from = sums + k * stride;
      for (int64_t i = first; i < last; ++i) sums[i] += from[i];
    }
  });
}

int64_t weight_count(const ConvShape& s) {
  return s.out_channels * (s.channels / s.geometry.groups) * s.kernel_height * s.kernel_width;
}

// In no more slices of the batch than `limit`.
bool weight_gradient(const ConvBackward<void>& c, ScalarType dtype, int64_t limit) {
  const ConvShape& s = c.shape;
  const int64_t item = elementSize(dtype);
  Key key = make_key(Kind::backward_weight, dtype, s, c.input.stride, c.grad_out.stride,
                     c.grad_weight.stride, true);
  const ScopedOmpThreads one(1);
  const Slices slices(s, item, limit);
  const auto plan = plan_for(key, slices.most);
  if (plan == nullptr) return false;
  const int64_t count = (s.images + slices.most - 1) / slices.most;
  const int64_t rest = s.images % slices.most;
  auto last_plan = rest == 0 ? plan : plan_for(key, rest);
  if (last_plan == nullptr || last_plan->weight.from != plan->weight.from) return false;
  const int64_t weight_size = static_cast<int64_t>(padded(plan->weight.from.get_size()) / 4);
  const int64_t bias_size = static_cast<int64_t>(padded(4 * s.out_channels) / 4);
  const int64_t stride = weight_size + bias_size;
  Scratch<float> sums(count * stride + scratchpad_bytes(*plan) / 4 + 16);
  parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    const ScopedOmpThreads inner(1);
    const SliceMemory memory(*plan), last_memory(*last_plan);
    for (int64_t k = first; k < last; ++k) {
      const int64_t image = k * slices.most;
      const bool partial = image + slices.most > s.images;
      const Plan& p = partial ? *last_plan : *plan;
      const SliceMemory& m = partial ? last_memory : memory;
      const void* x = p.image.load(at(c.input, image, item), m.image_room(), m.pad());
      const void* g = p.out.load(at(c.grad_out, image, item), m.out_room(), m.pad());
      float* const sum = sums.data() + k * stride;
      execute(p.conv,
              {{DNNL_ARG_SRC, &p.image.to, x},
               {DNNL_ARG_DIFF_DST, &p.out.to, g},
               {DNNL_ARG_DIFF_WEIGHTS, &p.weight.from, sum},
               {DNNL_ARG_DIFF_BIAS, &p.bias, sum + weight_size},
               {DNNL_ARG_SCRATCHPAD, &p.scratchpad, p.scratchpad.get_size() ? m.pad() : nullptr}});
    }
  });
  add_slices(sums.data(), count, stride, stride);
  if (c.grad_bias != nullptr) {
    const float* from = sums.data() + weight_size;
    if (dtype == kFloat32) {
      std::copy_n(from, s.out_channels, static_cast<float*>(c.grad_bias));
    } else {
      std::copy_n(from, s.out_channels, static_cast<BFloat16*>(c.grad_bias));
    }
  }
  if (c.grad_weight.data != nullptr) {
    if (plan->weight.needed) {
      plan->weight.run(sums.data(), c.grad_weight.data, sums.data() + count * stride);
    } else {
      std::copy_n(sums.data(), weight_count(s), static_cast<float*>(c.grad_weight.data));
    }
  }
  return true;
}

// Slices cost a whole gradient each: where that is more than the images, the filters are dealt out
// instead, in parts that see the whole batch.
bool weight_gradient(const ConvBackward<void>& c, ScalarType dtype) {
  constexpr int64_t kPart = 64;
  const ConvShape& s = c.shape;
  const int64_t item = elementSize(dtype), weight_bytes = 4 * weight_count(s);
  const int64_t image_bytes =
      item * s.images *
      (s.channels * s.height * s.width + s.out_channels * s.out_height * s.out_width);
  if (dtype != kBFloat16 || s.geometry.groups != 1 || s.out_channels % kPart != 0 ||
      image_bytes > weight_bytes) {
    return weight_gradient(c, dtype,
                           std::clamp<int64_t>((int64_t{64} << 20) / weight_bytes, 1, 64));
  }
  std::atomic<bool> done{true};
  parallel_for(0, s.out_channels / kPart, 1, [&](int64_t first, int64_t last) {
    for (int64_t filter = first * kPart; filter < last * kPart; filter += kPart) {
      ConvBackward<void> part = c;
      const int64_t bytes = filter * item;
      part.shape.out_channels = kPart;
      part.grad_out.data = static_cast<const char*>(c.grad_out.data) + bytes * c.grad_out.stride[1];
      part.grad_weight.data =
          static_cast<char*>(c.grad_weight.data) + bytes * c.grad_weight.stride[0];
      if (c.grad_bias != nullptr) part.grad_bias = static_cast<char*>(c.grad_bias) + bytes;
      if (!weight_gradient(part, dtype, 1)) done = false;
    }
  });
  return done;
}

// Copies around a convolution pay from some work on; below, im2col is as quick.
bool worth_it(ScalarType dtype, const ConvShape& s) {
  if (dtype == kBFloat16 && !has_bf16()) return false;
  const int64_t work = s.images * s.out_channels * s.out_height * s.out_width * s.channels /
                       std::max<int64_t>(1, s.geometry.groups) * s.kernel_height * s.kernel_width;
  return work >= 4096;
}

}  // namespace

bool conv_onednn(ScalarType dtype, const ConvForward<void>& c) {
  if (!worth_it(dtype, c.shape)) return false;
  return map_images(make_key(Kind::forward, dtype, c.shape, c.input.stride, c.out.stride,
                             c.weight.stride, c.bias != nullptr),
                    c.input, c.weight, c.bias, c.out);
}

bool conv_onednn(ScalarType dtype, const ConvBackward<void>& c) {
  if (!worth_it(dtype, c.shape)) return false;
  if (c.grad_weight.data != nullptr || c.grad_bias != nullptr) {
    if (c.grad_weight.data == nullptr || !weight_gradient(c, dtype)) return false;
  }
  if (c.grad_input.data == nullptr) return true;
  return map_images(make_key(Kind::backward_input, dtype, c.shape, c.grad_input.stride,
                             c.grad_out.stride, c.weight.stride, false),
                    c.grad_out, c.weight, nullptr, c.grad_input);
}

}  // namespace taper::cpu
#endif
