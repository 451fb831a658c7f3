import { backend, empty, gradientOf, record, type Tensor } from "../tensor";
import { convolved, type Windows } from "./conv2d";
import { emptyImages } from "./image-layout";

/**
 * y [N,P,Q,C]: each channel of x [N,H,W,C] correlated with its own weight [C,1,R,S], plus bias [C]; f32 or bf16. Extents and padding as in
 * conv2d. torch.nn.functional.conv2d(groups=C) on channels-last images. Takes both layouts of image-layout.ts.
 */
export function depthwiseConv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, { stride = 1, padding = 0 }: Windows = {}): Tensor {
  const { hwnc } = x;
  const y = emptyImages(x, convolved(x, weight, stride, padding));
  backend().depthwiseConv2dForward({ x: x.handle, weight: weight.handle, bias: bias?.handle, y: y.handle, stride, padding, hwnc });

  return record(y, [x, weight, bias], (dy) => {
    const dx = gradientOf(x);
    if (dx) backend().depthwiseConv2dBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle, stride, padding, hwnc });
    const dbias = gradientOf(bias);
    const dweight = dbias ? empty(weight.shape) : gradientOf(weight);
    if (dweight) backend().depthwiseConv2dBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, dbias: dbias?.handle, stride, padding, hwnc });
    return [dx, dweight, dbias];
  });
}
