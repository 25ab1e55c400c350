#include "nvnmd/descriptor.h"

#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "tf/common.h"

namespace nvnmd_tf {
namespace {

using namespace dp_tf;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/// The inputs from `first` on, checked.
class Inputs {
 public:
  Inputs(OpKernelContext* c, int first, const std::vector<std::int32_t>& sel, float scale) : c_(c), first_(first) {
    const Tensor &nlist = any_matrix(c, first + 1, "nlist"), &type = any_matrix(c, first + 2, "type");
    slots_ = std::accumulate(sel.begin(), sel.end(), std::int64_t{0});
    const std::int64_t nframes = nlist.dim_size(0), nloc = nlist.dim_size(1) / slots_;
    if (nlist.dim_size(1) != nloc * slots_ || type.dim_size(0) != nframes || type.dim_size(1) < nloc)
      throw dp::InvalidInput("nlist: expected " + std::to_string(slots_) + " slots for each atom of type, found shapes " +
                             nlist.shape().DebugString() + " and " + type.shape().DebugString());
    neighbors.nframes = nframes;
    neighbors.nloc = static_cast<int>(nloc);
    neighbors.nall = static_cast<int>(type.dim_size(1));
    neighbors.rows = data<double>(matrix(c, first, "rows", nframes, row_width()));
    neighbors.nlist = data<std::int32_t>(nlist);
    neighbors.type = data<std::int32_t>(type);

    const std::int64_t typed = c->input(first + 9).dims() > 0 ? c->input(first + 9).dim_size(0) : 0;
    tables.version = typed > 0 ? 1 : 0;
    if (typed > 0 && sel.size() != 1)
      throw dp::InvalidInput("sel: expected one number in version 1, found " + std::to_string(sel.size()));
    tables.ntypes = static_cast<int>(typed > 0 ? typed : sel.size());
    tables.slots = sel.data();
    tables.scale = scale;
    const auto nets = static_cast<std::int64_t>(sel.size());
    tables.u_groups = table("u_groups", 3, {5});
    tables.s_groups = table("s_groups", 4, {10});
    tables.switches = table("switches", 5, {nets, nvnmd::kSegments, 4, 2});
    tables.switch_slopes = table("switch_slopes", 6, {nets, nvnmd::kSegments, 4, 2});
    tables.features = table("features", 7, {nets, nvnmd::kSegments, 4, nvnmd::kChannels});
    tables.feature_slopes = table("feature_slopes", 8, {nets, nvnmd::kSegments, 4, nvnmd::kChannels});
    tables.scales = table("scales", 9, {typed, 2});
    tables.factors = table("factors", 10, {typed, typed, nvnmd::kChannels});
  }

  std::int64_t row_width() const { return neighbors.nloc * slots_ * 4; }
  std::int64_t node_width() const { return std::int64_t{neighbors.nloc} * nvnmd::kNodes; }

  nvnmd::Tables tables;
  nvnmd::Neighbors neighbors;

 private:
  const double* table(const char* name, int index, const TensorShape& expected) const {
    const Tensor& found = c_->input(first_ + index);
    if (found.shape() != expected)
      throw dp::InvalidInput(std::string(name) + ": expected shape " + expected.DebugString() + ", found " +
                             found.shape().DebugString());
    return data<double>(found);
  }

  OpKernelContext* c_;
  int first_;
  std::int64_t slots_ = 0;
};

class Kernel : public tensorflow::OpKernel {
 public:
  explicit Kernel(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("sel", &sel_));
    OP_REQUIRES_OK(c, c->GetAttr("scale", &scale_));
  }

 protected:
  std::vector<std::int32_t> sel_;
  float scale_ = 0;
};

class DescriptorKernel : public Kernel {
 public:
  using Kernel::Kernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Inputs in(c, 0, sel_, scale_);
      if (double* d = output<double>(c, 0, in.neighbors.nframes, in.node_width()))
        nvnmd::descriptor(in.tables, in.neighbors, d, context);
    });
  }
};

class DescriptorGradKernel : public Kernel {
 public:
  using Kernel::Kernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Inputs in(c, 1, sel_, scale_);
      const auto* dd = data<double>(matrix(c, 0, "dd", in.neighbors.nframes, in.node_width()));
      if (double* drows = output<double>(c, 0, in.neighbors.nframes, in.row_width()))
        nvnmd::descriptor_grad(in.tables, in.neighbors, dd, drows, context);
    });
  }
};

class DescriptorGradGradKernel : public Kernel {
 public:
  using Kernel::Kernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Inputs in(c, 1, sel_, scale_);
      const auto* h = data<double>(matrix(c, 0, "h", in.neighbors.nframes, in.row_width()));
      if (double* ddd = output<double>(c, 0, in.neighbors.nframes, in.node_width()))
        nvnmd::descriptor_grad_grad(in.tables, in.neighbors, h, ddd, context);
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("DpNvnmdDescriptor").Device(tensorflow::DEVICE_CPU), DescriptorKernel);
REGISTER_KERNEL_BUILDER(Name("DpNvnmdDescriptorGrad").Device(tensorflow::DEVICE_CPU), DescriptorGradKernel);
REGISTER_KERNEL_BUILDER(Name("DpNvnmdDescriptorGradGrad").Device(tensorflow::DEVICE_CPU), DescriptorGradGradKernel);

}  // namespace
}  // namespace nvnmd_tf
