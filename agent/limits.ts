// Pods and probes (agent/pods, agent/probes)

/** The safety net under runtime events: everything is listed again this often. */
export const relistPeriodMs = 30_000;
/** Between two looks for what the runtime has lost; less than a relist, so that a relist’s look is seldom left out. */
export const leftoverLooksApartMsMin = 10_000;
/** Sandboxes that are set up at the same time; more only makes each of them slower. */
export const sandboxesStartingMax = 8;
/** A container that ran this long has its crashes forgotten. */
export const restartBackOffForgottenMs = 600_000;
export const restartBackOffMinMs = 10_000;
export const restartBackOffMaxMs = 300_000;
export const imageBackOffMinMs = 10_000;
export const imageBackOffMaxMs = 300_000;
/** Between tries to make a sandbox, mount volumes or configure a container; what they wait for often comes soon. */
export const stepBackOffMinMs = 500;
export const stepBackOffMaxMs = 20_000;
/** ErrImagePull is shown this long, then ImagePullBackOff. */
export const imageErrorShownMs = 1_000;
/** A pull shorter than this is not announced before it is done. */
export const pullingAnnouncedAfterMs = 200;
/** What a container gets after a preStop hook that used up the grace period. */
export const graceAfterHookMinMs = 2_000;
/** For a pod that nobody knows any more. */
export const orphanGraceMs = 30_000;
/** A postStart or preStop hook over HTTP. */
export const httpHookTimeoutMs = 30_000;
export const postStartExecTimeoutMs = 600_000;
/** Runs of one container that are kept: the latest, and the one before for `--previous` and lastState. */
export const containerRunsKeptMax = 2;
/** How long a pod's report waits for the reason of a container's end: a busy containerd takes many seconds to tell it. */
export const unsettledHeldMsMax = 10_000;
/** Pause after a runtime that did not answer. */
export const observeRetryMinMs = 200;
export const observeRetryMaxMs = 5_000;
/** How much of a probe's or hook's answer is read. */
export const probeBodyBytesMax = 10 * 1024;
export const probeRedirectsMax = 10;
/** The first repeat of a readiness or startup probe that failed right after the start; doubled until the period. */
export const eagerProbeMinMs = 25;
/** The client of containerd. */
export const criLimits = {
  callTimeoutMs: 120_000,
  reconnectDelayMsMin: 50,
  reconnectDelayMsMax: 1000,
  messageBytesMax: 16 << 20,
  /** How long an exit that was announced may take until CRI shows it: a busy containerd takes seconds, and tries again itself for minutes. */
  exitShownTimeoutMs: 600_000,
  exitAskDelayMsMin: 2,
  /** Doubled up to this; after that a part of the time that was waited so far, up to a second. */
  exitAskDelaySoonMsMax: 50,
  exitAskWaitedRatio: 0.25,
  exitAskDelayMsMax: 1000,
} as const;

/** Containers, images, logs and volumes. */
export const runtimeLimits = {
  sandboxTimeoutMs: 240_000,
  pullTimeoutMs: 30 * 60_000,
  pullsMax: 5,
  /** What a stop may take beyond its grace period. */
  stopMarginMs: 120_000,
  execOutputBytesMax: 16 << 10,
  /** How long containerd's streaming server may take to answer. */
  streamTimeoutMs: 10_000,
  terminationMessageBytesMax: 4096,
  terminationLogBytesMax: 2048,
  terminationLogLinesMax: 80,
  podProcessesMax: 4096,
  hostnameCharactersMax: 63,
  nameserversMax: 3,
  searchDomainsMax: 32,
  logFileBytesMax: 10 << 20,
  logFilesMax: 5,
  logRotationPeriodMs: 10_000,
  logReadBytes: 64 << 10,
  /** How long containerd may take to write the last lines to a log that it was told to leave. */
  logSettleMs: 100,
  imageGcPeriodMs: 5 * 60_000,
  imageGcHighPercent: 85,
  imageGcLowPercent: 80,
  imageUnusedAgeMsMin: 2 * 60_000,
} as const;

// The session with a controller (agent/*.ts)

/** Between attempts to reach a controller, with jitter. */
export const reconnectMsMin = 100;
export const reconnectMsMax = 5_000;
/** Controllers of before that the agent keeps in mind, for when none of those is there that serve now; beyond, the oldest goes. */
export const formerControllersMax = 8;
/** How long one endpoint may take to accept the connection before the next is tried. */
export const connectTimeoutMs = 3_000;
/**
 * Pings that find a controller that is gone without a word: soon enough that the node's lease is still there when another one takes
 * it over. One that is only slow costs a new session.
 */
export const keepaliveMs = 1_000;
export const keepaliveTimeoutMs = 1_250;
/** Until Welcome says otherwise. */
export const defaultHeartbeatPeriodMs = 1_000;
/** Reports in one frame. */
export const reportsPerFrameMax = 64;
/** Pods whose latest status is kept; beyond, the oldest entry goes. */
export const reportedPodsMax = 2_000;
/** How long the report of a pod of which nothing runs yet may wait for a better one; and while so many wait already. */
export const setUpReportHeldMs = 50;
export const setUpReportHeldBusyMs = 2_000;
export const setUpReportsBusyMin = 4;
/** Events that wait for a session; beyond, the oldest goes, as events are best effort. */
export const eventsQueuedMax = 256;
export const eventsPerFrameMax = 50;
/** Node conditions and capacity are looked at this often, and reported when they changed. */
export const nodeStatusPeriodMs = 10_000;
/** The same while the container runtime is not ready. */
export const nodeNotReadyPeriodMs = 500;
export const nodeImagesMax = 50;
export const podsMaxDefault = 250;
/** Below these the node is under pressure, as kubelet's default hard eviction thresholds. */
export const memoryAvailableBytesMin = 100 * 2 ** 20;
export const diskAvailableRatioMin = 0.1;
export const pidsAvailableRatioMin = 0.02;
/** Usage is measured over at least this long, and a sample is of use for this long. */
export const usageWindowMsMin = 500;
export const usageWindowMsMax = 60_000;
/** Pieces in which a tunnel's data is sent. */
export const tunnelFrameBytesMax = 64 * 1024;
export const tunnelsMax = 100;
/** How often it is looked at whether the certificate comes to its end, and asked for another until one comes. */
export const renewalCheckMsMax = 3_600_000;
export const renewalRetryMsMin = 1_000;
export const renewalRetryMsMax = 60_000;

// The program (main.ts).
/** How long the runtime may take to see a new pod network. */
export const networkReadyTimeoutMs = 5_000;
export const networkReadyPollMs = 20;
/** The safety net under changes of the nodes: the routes to them are compared with the kernel's this often. */
export const networkResyncPeriodMs = 30_000;
/** After a try to set up the way to the other nodes that failed. */
export const networkRetryMs = 2_000;
/** What a session has told of the network is on disk this long after it changed. */
export const networkKeptAfterMs = 5_000;
/** An agent that no controller welcomes takes what was kept after this; sooner, it could be older than what the kernel has. */
export const networkRestoreAfterMs = 3_000;
/** It is written anew, and not added to, once as much was added as it had, and at least so much. */
export const networkKeptAddedBytesMin = 1 << 20;
/** Services that are written between two turns of the event loop. */
export const networkKeptBatch = 200;

/** Between attempts to set the rules for services. */
export const servicesRetryMsMin = 200;
export const servicesRetryMsMax = 30_000;

/** The ports that balancers ask about services of policy Local. */
export const healthChecksLimits = { connectionsMax: 100, requestTimeoutMs: 5_000, retryMsMin: 200, retryMsMax: 30_000 } as const;

/** The node's DNS server. */
export const dnsLimits = {
  recordTtlSeconds: 5,
  /** How long clients may remember that there is no such name. */
  negativeTtlSeconds: 5,
  /** Addresses or targets in one answer; more do not fit into any message. */
  answersMax: 3_000,
  aliasesMax: 8,
  /** Without EDNS0, and with it: what passes every network in one piece. */
  plainUdpBytesMax: 512,
  udpBytesMax: 1232,
  tcpBytesMax: 65_535,
  /** Longer ones are not read. */
  queryBytesMax: 4096,
  tcpConnectionsMax: 200,
  tcpIdleMs: 10_000,
  /** Queries by UDP that wait for other servers; beyond, clients ask again. */
  waitingMax: 2_000,
  /** Questions that are with other servers at the same time. */
  asksMax: 200,
  /** One server has so long, then the next is asked; a question that is older than the second is given up, before its client does. */
  askTryMs: 1_500,
  askMs: 4_000,
  upstreamServersMax: 3,
  /** The host's resolv.conf is read again before a question when it was read so long ago. */
  resolversKeptMs: 5_000,
  cacheEntriesMax: 4_000,
  cacheBytesMax: 4 << 20,
  cacheTtlSecondsMax: 3_600,
  /** How long it is remembered that nobody answered. */
  failureTtlSeconds: 1,
  listenRetryMsMin: 200,
  listenRetryMsMax: 30_000,
} as const;
