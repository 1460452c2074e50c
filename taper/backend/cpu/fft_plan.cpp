#include "taper/backend/cpu/fft_plan.h"

#include <array>
#include <cmath>
#include <list>
#include <mutex>

namespace taper::cpu {
namespace {

constexpr double kPi = 3.14159265358979323846;

struct Root {
  double cos, sin;
};

/// cos and sin of 2 pi k / n, from an angle within an eighth of the circle.
Root root_of(int64_t k, int64_t n) {
  // 8 k / n counts eighths.
  const int64_t eighth = 8 * k / n;
  const auto angle = [n](int64_t part) {
    return 2 * kPi * static_cast<double>(part) / (8 * static_cast<double>(n));
  };
  const int64_t at = 8 * k;  // in units of a circle over 8 n
  switch (eighth) {
    case 0:
      return {std::cos(angle(at)), std::sin(angle(at))};
    case 1:
    case 2:
      return {-std::sin(angle(at - 2 * n)), std::cos(angle(at - 2 * n))};
    case 3:
    case 4:
      return {-std::cos(angle(at - 4 * n)), -std::sin(angle(at - 4 * n))};
    case 5:
    case 6:
      return {std::sin(angle(at - 6 * n)), -std::cos(angle(at - 6 * n))};
    default:
      return {std::cos(angle(at - 8 * n)), std::sin(angle(at - 8 * n))};
  }
}

/// The radices of a length, or none where a prime is left over.
std::vector<int> factors_of(int64_t n) {
  std::vector<int> factors;
  for (int radix : {8, 4, 2, 3, 5, 7, 11}) {
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  }
  return n == 1 ? factors : std::vector<int>();
}

/// The shortest length of at least `least` that is a product of 2, 3 and 5, and a multiple of 8.
int64_t smooth_length(int64_t least) {
  int64_t best = 8;
  while (best < least) best *= 2;
  for (int64_t five = 8; five < best; five *= 5) {
    for (int64_t three = five; three < best; three *= 3) {
      int64_t length = three;
      while (length < least) length *= 2;
      if (length < best) best = length;
    }
  }
  return best;
}

template <class T>
void push(std::vector<T>& re, std::vector<T>& im, const Root& root) {
  re.push_back(static_cast<T>(root.cos));
  im.push_back(static_cast<T>(-root.sin));
}

template <class T>
typename FftPlan<T>::Stage make_stage(int radix, int64_t m, int64_t s) {
  typename FftPlan<T>::Stage stage{radix, m, s, {}, {}, {}, {}};
  for (int64_t k = 1; k < radix; ++k) {
    for (int64_t p = 0; p < m; ++p) push(stage.re, stage.im, root_of(p * k, radix * m));
  }
  for (int64_t k = 0; k < radix; ++k) {
    const Root root = root_of(k, radix);
    stage.cos.push_back(static_cast<T>(root.cos));
    stage.sin.push_back(static_cast<T>(root.sin));
  }
  return stage;
}

template <class T>
void plan_convolution(FftPlan<T>& plan) {
  const int64_t n = plan.n;
  plan.convolution = std::make_unique<FftPlan<T>>(smooth_length(2 * n - 1));
  const int64_t length = plan.convolution->n;
  int64_t square = 0;  // j^2 mod 2 n
  for (int64_t j = 0; j < n; ++j) {
    push(plan.chirp_re, plan.chirp_im, root_of(square, 2 * n));
    square = (square + 2 * j + 1) % (2 * n);
  }
  plan.kernel_re.assign(static_cast<size_t>(length), 0);
  plan.kernel_im.assign(static_cast<size_t>(length), 0);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t at : {j, (length - j) % length}) {
      plan.kernel_re[at] = plan.chirp_re[j];
      plan.kernel_im[at] = -plan.chirp_im[j];
    }
  }
  std::vector<T> scratch(static_cast<size_t>(plan.convolution->scratch()));
  fft_split(*plan.convolution, plan.kernel_re.data(), plan.kernel_im.data(), scratch.data());
  // The inverse transform's 1 / length.
  for (T& v : plan.kernel_re) v /= static_cast<T>(length);
  for (T& v : plan.kernel_im) v /= static_cast<T>(length);
}

/// The plans used last, as long as they are few and small.
template <class T>
struct Cache {
  static constexpr size_t kPlans = 16;
  static constexpr int64_t kWeight = int64_t{1} << 21;

  std::mutex mutex;
  std::list<std::shared_ptr<const FftPlan<T>>> plans;  // the latest first

  std::shared_ptr<const FftPlan<T>> find(int64_t n) {
    std::lock_guard lock(mutex);
    for (auto it = plans.begin(); it != plans.end(); ++it) {
      if ((*it)->n != n) continue;
      plans.splice(plans.begin(), plans, it);
      return plans.front();
    }
    return nullptr;
  }
  void keep(const std::shared_ptr<const FftPlan<T>>& plan) {
    if (plan->weight() > kWeight) return;
    std::lock_guard lock(mutex);
    plans.push_front(plan);
    int64_t weight = 0;
    size_t count = 0;
    for (auto it = plans.begin(); it != plans.end();) {
      weight += (*it)->weight();
      it = ++count > kPlans || weight > kWeight ? plans.erase(it) : std::next(it);
    }
  }
};

template <class T>
Cache<T>& cache() {
  static auto* const plans = new Cache<T>;  // never destroyed: transforms may run at exit
  return *plans;
}

}  // namespace

template <class T>
FftPlan<T>::FftPlan(int64_t length) : n(length) {
  int64_t left = n, s = 1;
  const std::vector<int> factors = factors_of(n);
  for (int radix : factors) {
    left /= radix;
    stages.push_back(make_stage<T>(radix, left, s));
    s *= radix;
  }
  if (factors.empty() && n > 1) plan_convolution(*this);
  for (int64_t k = 0; k <= n; ++k) push(half_re, half_im, root_of(k, 2 * n));
}
template struct FftPlan<float>;
template struct FftPlan<double>;

template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n) {
  std::shared_ptr<const FftPlan<T>> plan = cache<T>().find(n);
  if (!plan) {
    plan = std::make_shared<const FftPlan<T>>(n);
    cache<T>().keep(plan);
  }
  return plan;
}
template std::shared_ptr<const FftPlan<float>> fft_plan(int64_t n);
template std::shared_ptr<const FftPlan<double>> fft_plan(int64_t n);

}  // namespace taper::cpu
