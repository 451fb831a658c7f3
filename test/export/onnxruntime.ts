/** onnxruntime, whose answers count. */
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { type ModelProto, modelProto } from "../../src-main/onnx/proto";
import { encode } from "../../src-main/protobuf/codec";

env.wasm.numThreads = 1;

export async function session(model: ModelProto): Promise<InferenceSession> {
  return InferenceSession.create(Buffer.concat(encode(modelProto, model)));
}

/** The only output, for the only input. */
export async function answers(network: InferenceSession, values: Float32Array | Uint8Array, shape: readonly number[]): Promise<Float32Array> {
  const type = values instanceof Uint8Array ? "uint8" : "float32";
  const output = await network.run({ [network.inputNames[0]!]: new Tensor(type, values, shape) });
  return output[network.outputNames[0]!]!.data as Float32Array;
}
