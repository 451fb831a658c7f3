import type { Answer, Audience, Channel } from "../contract/engine";
import type { Notice } from "../contract/notices";
import type { OwnerAnswer, OwnerMessage } from "../contract/owner";
import type { RunOwner } from "../contract/run";
import type { Permits } from "./permits";

/** The engine's end of a connection. Checks what arrives. */
export type ClientChannel = Channel<Answer | Notice, unknown, void>;

/** The process that started this one, and owns it. */
export interface Parent {
  program: RunOwner["program"];
  /** Which paths the parent's pages may name; null if it brings none. */
  permits: Permits | null;
  /** Calls `serve` with each client that the parent brings. */
  onClient(serve: (channel: ClientChannel, audience: Audience) => void): void;
  /** Called once when the parent is gone or asks this process to end. */
  onLeave(leave: () => void): void;
  /** Answers whether a run is under way. */
  onTrainingAsked(isTraining: () => boolean): void;
}

/** How a parent that brings pages reaches this process: pages come and go, its own connection lasts as long as it does. */
export interface Connections {
  onPage(serve: (page: ClientChannel) => void): void;
  /** `hear` returns what to answer, if anything. */
  onOwner(hear: (message: OwnerMessage) => OwnerAnswer | null): void;
  /** Called when the parent is gone, however it ended. */
  onGone(leave: () => void): void;
}
