import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** y [N,T,D], always f32, = concat(classToken [1,1,D], patches [N,T-1,D]) + position [1,T,D] */
export function embedTokens(patches: Tensor, classToken: Tensor, position: Tensor): Tensor {
  const [N, count, D] = patches.shape as [number, number, number];
  const y = empty([N, count + 1, D]);
  backend().embedTokensForward({ patches: patches.handle, classToken: classToken.handle, position: position.handle, y: y.handle });

  return record(y, [patches, classToken, position], (dy) => {
    const dpatches = emptyLike(patches);
    const dclassToken = empty(classToken.shape);
    const dposition = empty(position.shape);
    backend().embedTokensBackward({ dy: dy.handle, dpatches: dpatches.handle, dclassToken: dclassToken.handle, dposition: dposition.handle });
    return [dpatches, dclassToken, dposition];
  });
}
