#include "dp/tabulate.h"

#include <initializer_list>

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/// Input `index` of a shape in which -1 stands for any size; throws InvalidInput naming what was expected and found.
const Tensor& shaped(OpKernelContext* c, int index, const char* name, std::initializer_list<std::int64_t> shape) {
  const Tensor& tensor = c->input(index);
  bool same = tensor.dims() == static_cast<int>(shape.size());
  std::string text;
  int d = 0;
  for (const std::int64_t size : shape) {
    same = same && (size == -1 || tensor.dim_size(d) == size);
    text += (d++ ? "," : "") + (size == -1 ? "any" : std::to_string(size));
  }
  if (!same)
    throw dp::InvalidInput(std::string(name) + ": expected shape [" + text + "], found " +
                           tensor.shape().DebugString());
  return tensor;
}

/// Inputs 0 and 1, the table of `width` functions and its range.
template <class T>
dp::PolynomialTable<T> table_input(OpKernelContext* c, std::int64_t width, bool symmetric) {
  const Tensor& table = shaped(c, 0, "table", {-1, 6 * width});
  const Tensor& info = c->input(1);
  if (info.dims() != 1 || info.dim_size(0) < 5)
    throw dp::InvalidInput("table_info: expected a vector of 5 numbers or more, found shape " +
                           info.shape().DebugString());
  const T* range = data<T>(info);
  return {data<T>(table), table.dim_size(0), width, range[0], range[1], range[2], range[3], range[4], symmetric};
}

/// The last size of the input `descriptor`, which has the shape of the forward op's output.
std::int64_t descriptor_width(OpKernelContext* c, int index, int dims) {
  const Tensor& descriptor = c->input(index);
  if (descriptor.dims() != dims)
    throw dp::InvalidInput("descriptor: expected " + std::to_string(dims) + " dimensions, found shape " +
                           descriptor.shape().DebugString());
  return descriptor.dim_size(dims - 1);
}

/// Base of the kernels: attributes, absent ones by what they mean.
class TabulateKernel : public tensorflow::OpKernel {
 protected:
  explicit TabulateKernel(OpKernelConstruction* c) : OpKernel(c) {
    if (c->HasAttr("last_layer_size")) {
      OP_REQUIRES_OK(c, c->GetAttr("last_layer_size", &width_));
      OP_REQUIRES(c, width_ >= 0,
                  absl::InvalidArgumentError("last_layer_size: expected 0 or more, found " + std::to_string(width_)));
    }
    if (c->HasAttr("is_sorted")) OP_REQUIRES_OK(c, c->GetAttr("is_sorted", &sorted_));
  }

  std::int64_t width_ = 0;
  bool sorted_ = true;
};

/// Inputs 2 to 4 of the forms that sum rows of 4: em_x, em and, in the attention form, two_embed.
template <class T, bool kTwo>
struct RowsOfFour {
  RowsOfFour(OpKernelContext* c, std::int64_t width, bool sorted)
      : table(table_input<T>(c, width, false)), width(width) {
    const Tensor& all = shaped(c, 3, "em", {-1, -1, 4});
    rows = {all.dim_size(0), all.dim_size(1), sorted};
    em = data<T>(all);
    x = data<T>(matrix(c, 2, "em_x", slots(), 1));
    if (kTwo) two = data<T>(matrix(c, 4, "two_embed", slots(), width));
  }

  std::int64_t slots() const { return rows.ngroups * rows.nrows; }
  TensorShape sums() const { return TensorShape({rows.ngroups, 4, width}); }

  dp::PolynomialTable<T> table;
  std::int64_t width;
  dp::TabulateRows rows;
  const T *x, *em, *two = nullptr;
};

template <class T, bool kTwo>
class TabulateFourKernel : public TabulateKernel {
 public:
  explicit TabulateFourKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowsOfFour<T, kTwo> in(c, width_, sorted_);
      T* out = output<T>(c, 0, in.sums());
      if (out) dp::tabulate_a(in.table, in.rows, in.x, in.em, in.two, out, context);
    });
  }
};

template <class T, bool kTwo>
class TabulateFourGradKernel : public TabulateKernel {
 public:
  explicit TabulateFourGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    constexpr int kDy = kTwo ? 5 : 4;
    guarded(c, [&](const dp::Context& context) {
      const RowsOfFour<T, kTwo> in(c, descriptor_width(c, kDy + 1, 3), sorted_);
      const T* dy = data<T>(shaped(c, kDy, "dy", {in.rows.ngroups, 4, in.width}));
      T* dx = output<T>(c, 0, c->input(2).shape());
      T* dem = output<T>(c, 1, c->input(3).shape());
      T* dtwo = kTwo ? output<T>(c, 2, c->input(4).shape()) : nullptr;
      if (dx || dem || dtwo)
        dp::tabulate_a_grad(in.table, in.rows, in.x, in.em, in.two, dy, dx, dem, dtwo, context);
    });
  }
};

template <class T, bool kTwo>
class TabulateFourGradGradKernel : public TabulateKernel {
 public:
  explicit TabulateFourGradGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    constexpr int kFirst = kTwo ? 5 : 4;
    guarded(c, [&](const dp::Context& context) {
      const RowsOfFour<T, kTwo> in(c, descriptor_width(c, kTwo ? 8 : 6, 3), sorted_);
      const T* dz_dx = data<T>(matrix(c, kFirst, "dz_dy_dem_x", in.slots(), 1));
      const T* dz_dem = data<T>(shaped(c, kFirst + 1, "dz_dy_dem", {in.rows.ngroups, in.rows.nrows, 4}));
      const T* dz_dtwo = kTwo ? data<T>(matrix(c, kFirst + 2, "dz_dy_dtwo", in.slots(), in.width)) : nullptr;
      T* out = output<T>(c, 0, in.sums());
      if (out)
        dp::tabulate_a_grad_grad(in.table, in.rows, in.x, in.em, in.two, dz_dx, dz_dem, dz_dtwo, out, context);
    });
  }
};

/// Inputs 2 and 3 of the three-body form; only the shape of em is looked at.
template <class T>
struct Pairs {
  Pairs(OpKernelContext* c, std::int64_t width) : table(table_input<T>(c, width, true)), width(width) {
    const Tensor& em = shaped(c, 3, "em", {-1, -1, -1});
    rows = {em.dim_size(0), em.dim_size(1) * em.dim_size(2), false};
    x = data<T>(matrix(c, 2, "em_x", rows.ngroups * rows.nrows, 1));
  }

  TensorShape sums() const { return TensorShape({rows.ngroups, width}); }

  dp::PolynomialTable<T> table;
  std::int64_t width;
  dp::TabulateRows rows;
  const T* x;
};

template <class T>
class TabulateSeTKernel : public TabulateKernel {
 public:
  explicit TabulateSeTKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Pairs<T> in(c, width_);
      T* out = output<T>(c, 0, in.sums());
      if (out) dp::tabulate_t(in.table, in.rows, in.x, out, context);
    });
  }
};

template <class T>
class TabulateSeTGradKernel : public TabulateKernel {
 public:
  explicit TabulateSeTGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Pairs<T> in(c, descriptor_width(c, 5, 2));
      const T* dy = data<T>(shaped(c, 4, "dy", {in.rows.ngroups, in.width}));
      T* dx = output<T>(c, 0, c->input(2).shape());
      T* dem = output<T>(c, 1, c->input(3).shape());
      if (dx || dem) dp::tabulate_t_grad(in.table, in.rows, in.x, dy, dx, dem, context);
    });
  }
};

template <class T>
class TabulateSeTGradGradKernel : public TabulateKernel {
 public:
  explicit TabulateSeTGradGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Pairs<T> in(c, descriptor_width(c, 6, 2));
      const Tensor& em = c->input(3);
      const T* dz_dx = data<T>(matrix(c, 4, "dz_dy_dem_x", in.rows.ngroups * in.rows.nrows, 1));
      const T* dz_dem =
          data<T>(shaped(c, 5, "dz_dy_dem", {em.dim_size(0), em.dim_size(1), em.dim_size(2)}));
      T* out = output<T>(c, 0, in.sums());
      if (out) dp::tabulate_t_grad_grad(in.table, in.rows, in.x, dz_dx, dz_dem, out, context);
    });
  }
};

/// Input 2 of the radial form.
template <class T>
struct Radii {
  Radii(OpKernelContext* c, std::int64_t width) : table(table_input<T>(c, width, false)), width(width) {
    const Tensor& em = any_matrix(c, 2, "em");
    rows = {em.dim_size(0), em.dim_size(1), false};
    x = data<T>(em);
  }

  TensorShape values() const { return TensorShape({rows.ngroups, rows.nrows, width}); }

  dp::PolynomialTable<T> table;
  std::int64_t width;
  dp::TabulateRows rows;
  const T* x;
};

template <class T>
class TabulateSeRKernel : public TabulateKernel {
 public:
  explicit TabulateSeRKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Radii<T> in(c, width_);
      T* out = output<T>(c, 0, in.values());
      if (out) dp::tabulate_r(in.table, in.rows, in.x, out, context);
    });
  }
};

template <class T>
class TabulateSeRGradKernel : public TabulateKernel {
 public:
  explicit TabulateSeRGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Radii<T> in(c, descriptor_width(c, 4, 3));
      const T* dy = data<T>(shaped(c, 3, "dy", {in.rows.ngroups, in.rows.nrows, in.width}));
      T* dx = output<T>(c, 0, c->input(2).shape());
      if (dx) dp::tabulate_r_grad(in.table, in.rows, in.x, dy, dx, context);
    });
  }
};

template <class T>
class TabulateSeRGradGradKernel : public TabulateKernel {
 public:
  explicit TabulateSeRGradGradKernel(OpKernelConstruction* c) : TabulateKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Radii<T> in(c, descriptor_width(c, 4, 3));
      const T* dz_dx = data<T>(matrix(c, 3, "dz_dy_dem", in.rows.ngroups, in.rows.nrows));
      T* out = output<T>(c, 0, in.values());
      if (out) dp::tabulate_r_grad_grad(in.table, in.rows, in.x, dz_dx, out, context);
    });
  }
};

template <class T>
using SeAKernel = TabulateFourKernel<T, false>;
template <class T>
using SeAGradKernel = TabulateFourGradKernel<T, false>;
template <class T>
using SeAGradGradKernel = TabulateFourGradGradKernel<T, false>;
template <class T>
using SeAttenKernel = TabulateFourKernel<T, true>;
template <class T>
using SeAttenGradKernel = TabulateFourGradKernel<T, true>;
template <class T>
using SeAttenGradGradKernel = TabulateFourGradGradKernel<T, true>;

DP_REGISTER_CPU("TabulateFusion", SeAKernel);
DP_REGISTER_CPU("TabulateFusionGrad", SeAGradKernel);
DP_REGISTER_CPU("TabulateFusionGradGrad", SeAGradGradKernel);
DP_REGISTER_CPU("TabulateFusionSeA", SeAKernel);
DP_REGISTER_CPU("TabulateFusionSeAGrad", SeAGradKernel);
DP_REGISTER_CPU("TabulateFusionSeAGradGrad", SeAGradGradKernel);
DP_REGISTER_CPU("TabulateFusionSeAtten", SeAttenKernel);
DP_REGISTER_CPU("TabulateFusionSeAttenGrad", SeAttenGradKernel);
DP_REGISTER_CPU("TabulateFusionSeAttenGradGrad", SeAttenGradGradKernel);
DP_REGISTER_CPU("TabulateFusionSeT", TabulateSeTKernel);
DP_REGISTER_CPU("TabulateFusionSeTGrad", TabulateSeTGradKernel);
DP_REGISTER_CPU("TabulateFusionSeTGradGrad", TabulateSeTGradGradKernel);
DP_REGISTER_CPU("TabulateFusionSeR", TabulateSeRKernel);
DP_REGISTER_CPU("TabulateFusionSeRGrad", TabulateSeRGradKernel);
DP_REGISTER_CPU("TabulateFusionSeRGradGrad", TabulateSeRGradGradKernel);

}  // namespace
}  // namespace dp_tf
