// Schema, shape functions and documentation of the GELU ops.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// All inputs and the output have one shape.
Status same_shape(InferenceContext* c) {
  ShapeHandle shape = c->input(0);
  for (int k = 1; k < c->num_inputs(); ++k) TF_RETURN_IF_ERROR(c->Merge(shape, c->input(k), &shape));
  c->set_output(0, shape);
  return Status();
}

}  // namespace

// Graphs of the years before the names with Custom use the short ones.
#define DP_GELU(name)                         \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("x: T")                          \
      .Output("output: T")                    \
      .SetShapeFn(same_shape)                 \
      .Doc("GELU in its tanh form, g(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), of any shape.")

#define DP_GELU_GRAD(name)                    \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("dy: T")                         \
      .Input("x: T")                          \
      .Output("output: T")                    \
      .SetShapeFn(same_shape)                 \
      .Doc("dy g'(x) of the tanh form of GELU, of any shape.")

#define DP_GELU_GRAD_GRAD(name)               \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("dy: T")                         \
      .Input("dy_: T")                        \
      .Input("x: T")                          \
      .Output("output: T")                    \
      .SetShapeFn(same_shape)                 \
      .Doc("dy dy_ g''(x) of the tanh form of GELU, of any shape.")

DP_GELU("GeluCustom");
DP_GELU("Gelu");
DP_GELU_GRAD("GeluGradCustom");
DP_GELU_GRAD("GeluGrad");
DP_GELU_GRAD_GRAD("GeluGradGradCustom");
DP_GELU_GRAD_GRAD("GeluGradGrad");

}  // namespace dp_tf
