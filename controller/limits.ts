/** Every bound of the controller, with its unit in its name. */

// The loops of the leader (workloads/).
/** Objects of one kind that a loop reconciles at the same time. */
export const loopWorkersMax = 16;
export const loopRetryInitialMs = 5;
export const loopRetryMaxMs = 16 * 60_000;
/** Size of the first batch of creations; each later one is twice as large. */
export const slowStartInitial = 1;
/** Pods that one ReplicaSet creates or deletes in one pass; the rest follows in the next. */
export const replicaSetBurstPods = 500;
/** Writes that one pass of a loop has under way. */
export const loopWritesMax = 64;
/** Finished pods that are kept, cluster-wide; the oldest go first. */
export const finishedPodsMax = 12_500;
/** How long the subnet of a node that was deleted is kept from other nodes: pods may still run there. */
export const subnetRestMs = 5 * 60_000;
/** How long a node must be missing before the pods bound to it are removed. */
export const missingNodeQuarantineMs = 40_000;
/** How long a new leader waits for nodes that it has not seen alive yet: they may be on their way to another controller. */
export const nodeReturnGraceMs = 6_000;
/** Nodes that lose their pods at once when they fail; the others follow one after each interval. */
export const evictionBurstNodes = 3;
export const evictionNodeIntervalMs = 1_000;
/**
 * A node has to fail for so long before its pods go, and no other may have begun to meanwhile: those that fail together are seen within a
 * heartbeat's period and a round of etcd's, which revokes leases twice a second, and at most 500 of them.
 */
export const evictionSettleMs = 1_250;
/** It has to wait no longer than this for others that begin to fail. */
export const evictionSettleMsMax = 5_000;
/** The same for a node whose agent is heard and says that it is not ready: its pods run, and its container runtime may just be starting again. */
export const evictionNotReadySettleMs = 30_000;
/** No pods go while this share of the nodes, and at least so many, fail together. */
export const outageShare = 0.55;
export const outageNodesMin = 3;

/** A pod whose eviction was allowed, and which is still there after this, counts again. */
export const disruptionTimeoutMs = 2 * 60_000;

// Services (services/).
/** Endpoints in one EndpointSlice. */
export const endpointsPerSliceMax = 100;
/** Pods in one Endpoints object; readers of slices see all. */
export const endpointsPerObjectMax = 1_000;

/** The address of a controller that is gone without a word is no endpoint of the API after this. */
export const apiAddressTtlSeconds = 4;
export const apiAddressRetryMsMin = 100;
export const apiAddressRetryMsMax = 2_000;

// The scheduler (scheduler/).
export const schedulerBackoffInitialMs = 100;
export const schedulerBackoffMaxMs = 10_000;
/** Safety net: what is unschedulable is tried again after this time even if nothing happened. */
export const schedulerFlushMs = 5 * 60_000;
/** Bindings and refusals under way at the same time. */
export const schedulerWritesMax = 128;
/** Pods placed in one go, before others get a turn on the event loop. */
export const schedulerBatchPods = 256;

// Events (events/).
export const eventsQueuedMax = 2_000;
/** Distinct events remembered, so that a repetition counts up instead of being written anew. */
export const eventsRememberedMax = 4_096;
export const eventsInFlightMax = 8;
/** Events about one object: this many at once, then one per refill. */
export const eventBurstPerObject = 25;
export const eventRefillMs = 5 * 60_000;
export const eventRetriesMax = 3;
export const eventRetryMs = 1_000;

// Nodes: sessions, leases, tunnels.

/** What agents are told to keep to. */
export const heartbeatPeriodMs = 1_000;
/**
 * A node whose heartbeats stop is dead to everybody after this; etcd gives no less than 2 s. Without power it is Unknown after 2.3 to 3.8 s: this,
 * less the last heartbeat's age (up to a period), etcd's round (0 to 500 ms) and the confirmation (`leaseGoneConfirmMs`).
 */
export const nodeLeaseTtlSeconds = 3;
/** How long a node is taken for alive whose agent has ended while its machine goes on: what an agent may take to start again. */
export const agentAwaySecondsMax = 20;
/** One call to etcd is enough for heartbeats that come closer together; those that come a little early count. */
export const nodeLeaseRenewalMsMin = 750;
/** How long agents get to move to another controller before this one ends their sessions. */
export const handOverMsMax = 4_000;
/** A session that says nothing for so long is ended; the lease is gone long before. */
export const sessionSilenceMsMax = 15_000;
/** Objects and pods are gathered into frames of about this size; a larger object goes alone. */
export const frameBytesMax = 512 * 1024;
/** What a service, slice or node takes in a frame beside its JSON, about. */
export const networkEntryBytes = 128;
/** Pods that one session may report on at a time. */
export const sessionReportsMax = 2_000;
/** Events that one session may have recorded in one frame. */
export const sessionEventsPerFrameMax = 100;
export const reportRetryMsMin = 50;
export const reportRetryMsMax = 2_000;
/** How long an agent may take to open a tunnel and find what was asked for. */
export const tunnelOpenTimeoutMs = 10_000;
/** Tunnels that wait for their agents. */
export const tunnelsOpeningMax = 1_000;
/** One message of a client on the WebSocket of a command. */
export const execMessageBytesMax = 4 * 1024 * 1024;
/** Pings to the client of a command: while its input waits, they are what finds out that it is gone. */
export const execPingPeriodMs = 5_000;
/** Nodes that are asked at the same time what they use, and how long one may take to answer. */
export const usageAsksMax = 64;
export const usageTimeoutMs = 5_000;
export const joinBodyBytesMax = 16 * 1024;
/** How often certificates on disk are looked at. */
export const certificateCheckMsMin = 1_000;
export const certificateCheckMsMax = 60_000;

// --- Store -------------------------------------------------------------------------------------------------------
/** Writes in one etcd transaction. etcd's own default limit is 128 guards, of which some are those of the whole transaction. */
export const txnOperationsMax = 126;
/** Between the last revision that is known of one history of etcd and the first of the next: more than anybody made without our knowing. */
export const epochMarginRevisions = 2 ** 20;
/** Bytes in one shared transaction; etcd takes 1.5 MiB per request by default. */
export const txnBytesMax = 1_000_000;
/** The JSON of one object. */
export const objectBytesMax = 1_400_000;
/** Writes that wait for their transaction; more are answered with 429. */
export const writesQueuedMax = 4_096;
export const etcdCallTimeoutMs = 2_500;
/** A lease of 3 s that is kept each second must live through a member of etcd that says nothing: it has to be asked of the next one in time. */
export const etcdLeaseTimeoutMs = 1_500;
export const etcdRangeTimeoutMs = 10_000;
/** Clients with a certificate that was replaced: watches go on over their connections, for years where certificates hold one. */
export const etcdRetiredClientsMax = 48;
/** etcd allows a client one ping in 5 s. */
export const etcdKeepaliveMs = 10_000;
export const etcdKeepaliveTimeoutMs = 3_000;
export const etcdReconnectMsMin = 50;
export const etcdReconnectMsMax = 1_000;
/** One answer of etcd; grpc-js would refuse more than 4 MiB. */
export const etcdMessageBytesMax = 32 << 20;
export const rangePageEntriesMax = 1_000;
/** Changes kept per kind for watches that resume. */
export const historyEventsMax = 1_000;
/** Changes that wait for one slow watcher before it is cut off. */
export const watcherEventsMax = 10_000;
/** How long a reader waits for the cache to reach a revision. */
export const cacheReachedTimeoutMs = 5_000;
/** After this the cache is nudged with a write, since somebody else's writes may have moved etcd's revision. */
export const cacheNudgeMs = 250;
export const compactionPeriodMs = 300_000;
/** Keys that share one lease, and the time in which they join it. */
export const leaseKeysMax = 1_000;
export const leaseShareSecondsMax = 300;
export const electionRetryMs = 500;
/** How long a node's lease must be gone before the node is. */
export const leaseGoneConfirmMs = 250;
/** The same when etcd or this process was just away: who was heard meanwhile must get to say so. */
export const leaseReturnGraceMs = 3_000;
/** How often this process looks whether it stood still, and the delay of that look that says so. */
export const stillnessCheckMs = 500;
export const stillnessMs = 1_000;
/** A process that did not look for so long stood still: its sessions end, and it leads no more. */
export const standstillMsMin = 2_000;
export const leaseWatchRetryMsMin = 100;
export const leaseWatchRetryMsMax = 5_000;

// The API (api/).
/** Events are kept this long. */
export const eventTtlSeconds = 3_600;
/** Names tried for one object with generateName. */
export const generatedNameAttemptsMax = 8;
/** Times that one write is tried again after a conflict with another writer. */
export const conflictAttemptsMax = 8;
/** Times that one write is given other addresses after another controller took them first. */
export const allocationAttemptsMax = 16;
/** Deletions of one deletecollection that are under way together. */
export const collectionDeletionsMax = 16;
/** The largest request body. */
export const bodyBytesMax = 3 * 1024 * 1024;
/** Of a body that is too large, this much is read and thrown away, so that its sender gets to read the answer. */
export const bodyDiscardedBytesMax = 16 * 1024 * 1024;
/** Bodies in memory, of all requests together. */
export const bodiesBytesMax = 64 * 1024 * 1024;
/** Requests under way, watches and followed logs aside. */
export const readsInFlightMax = 400;
export const writesInFlightMax = 200;
/** Watches and followed logs. Fewer than connections, of which each takes one: who only asks must still get through. */
export const watchesMax = 3_000;
/** Requests to routes that strangers may use (joining), and the largest body of one. */
export const extraInFlightMax = 32;
export const extraBodyBytesMax = 64 * 1024;
export const connectionsMax = 4_000;
/** A client has this long to send its headers, and this long for the whole request. */
export const headersTimeoutMs = 10_000;
export const requestTimeoutMs = 60_000;
export const keepAliveTimeoutMs = 120_000;
/** A watcher whose socket takes nothing for this long is cut off. */
export const watchStallMs = 30_000;
export const bookmarkPeriodMs = 60_000;
/** How long a watch lasts whose client does not say: between this and twice this. */
export const watchLifetimeMinMs = 30 * 60_000;
/** Answers from this size on are compressed when the client takes it. */
export const gzipBytesMin = 16 * 1024;
/** At its end the server gives requests under way this long. */
export const drainMs = 5_000;
/**
 * And connections that lie idle this long: who sends a request meanwhile is answered, and told to come back on another one. Where
 * nobody else serves it is only long enough for what is on its way, since new connections wait for the next life of this program.
 */
export const idleLingerMs = 2_000;
export const idleLingerAloneMs = 100;
/** Pings that find a connection whose other end is gone without a word. */
export const sessionKeepaliveMs = 5_000;
export const sessionKeepaliveTimeoutMs = 5_000;

/** After this a client may ask for an eviction again that its budget did not allow. */
export const evictionRetryAfterSeconds = 1;
/** Pods that a budget notes as on their way. */
export const disruptedPodsMax = 2_000;

// Request bodies and OpenAPI documents (api/body.ts, api/openapi.ts).
/** Levels of nesting in a JSON or YAML body. */
export const jsonNestingMax = 200;
/** Nodes that the aliases of one YAML body may unfold to, as the yaml package counts them. */
export const yamlAliasesMax = 100;
/** YAML is parsed far slower than JSON, on the thread that serves everybody. */
export const yamlBytesMax = 1024 * 1024;

// The program (main.ts).
/** A leader that is cut off is replaced after this. */
export const electionTtlSeconds = 3;
