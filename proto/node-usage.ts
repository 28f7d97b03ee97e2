/** What a node and the containers on it use, as its agent measures it when somebody asks: the answer of a tunnel of type `usage`. */

export interface Usage {
  /** Processor time since the start of what is measured. */
  readonly cpuNanoseconds: number;
  /** Processor time per second, over the window: a billion for one whole processor. */
  readonly cpuNanocores: number;
  /** Memory that cannot be taken away without harm. */
  readonly workingSetBytes: number;
}

export interface ContainerUsage extends Usage {
  readonly podUid: string;
  readonly container: string;
}

export interface NodeUsage {
  /** When it was measured, at the end of the window. */
  readonly timeMs: number;
  readonly windowMs: number;
  readonly node: Usage;
  readonly containers: readonly ContainerUsage[];
}
