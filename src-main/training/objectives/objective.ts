import type { Module } from "../../nn/module";
import type { Tensor } from "../../tensor/tensor";
import type { FeatureNeed } from "../answer-cache";
import type { ChannelStatistics } from "../channel-statistics";
import type { Network } from "../network";
import type { Answers } from "../teacher";

/** What an objective needs for each batch, besides the student's logits and the labels. */
export interface Needs {
  teacherLogits?: boolean;
  teacherFeatures?: readonly FeatureNeed[];
  /** Stages of the student. */
  studentFeatures?: readonly string[];
  /** Whether it teaches the head of the student's distillation token, so that labels and other objectives teach the class token's head alone. */
  splitsHeads?: boolean;
}

/** A batch as an objective sees it. */
export interface ObjectiveInputs {
  /** The student's, [N,K], f32; those of the class token's head if an objective splits the heads. */
  logits: Tensor;
  /** i32 [N]; of a mixture of two images, the class of the one with the larger share. */
  labels: Tensor;
  /** f32 [N], as in `Batch`. */
  labelWeights?: Tensor | null;
  /** The student's activations by stage. */
  features: ReadonlyMap<string, Tensor>;
  /** The teacher's answers to the same plan. */
  teacher: Answers;
}

/** Numbers [names.length] that a computation leaves on the device to be read later. */
export interface Reading {
  names: readonly string[];
  tensor: Tensor;
}

export interface Computed {
  /** [1]; gradients flow from it. */
  loss: Tensor;
  /** The parts of the loss by name and, if the objective counts them, "correct": rows whose largest logit (the first among equals) is the label. */
  readings: readonly Reading[];
}

/** What a student learns from: one scalar loss with named parts. */
export interface Objective {
  needs: Needs;
  /** Names of its parts, as `contract/objectives.ts` labels them. */
  parts: readonly string[];
  /** Its own weights: trained and checkpointed with the student's, but not part of the exported student. */
  weights?: Module;
  compute(inputs: ObjectiveInputs): Computed;
  /**
   * labels * CE + weight * this, for objectives that can compute both in one pass; the readings include "ce" and "correct". Other objectives
   * leave it out.
   */
  withLabels?(inputs: ObjectiveInputs, weights: { labels: number; own: number }): Computed;
}

/** The channels of a teacher's stages, by the stage's name. */
export type TeacherStatistics = ReadonlyMap<string, ChannelStatistics>;

/** The networks that an objective is made for. Its own weights begin from `seed`. */
export interface ObjectiveContext {
  student: Network;
  teacher: Network;
  /** Of the teacher's stages that `measuredStages` names. Left out where a checkpoint will overwrite what objectives take from them. */
  statistics?: TeacherStatistics;
  seed: number;
}
