/** Field numbers of the messages of the other kinds; the notation is explained in meta-messages.ts. */
export const kindMessages: Readonly<Record<string, string>> = {
  'core.v1.Namespace': 'metadata spec status',
  'core.v1.NamespaceSpec': 'finalizers',
  'core.v1.NamespaceStatus': 'phase conditions',
  'core.v1.NamespaceCondition': 'type status 4:lastTransitionTime reason message',
  'core.v1.Node': 'metadata spec status',
  'core.v1.NodeSpec': 'podCIDR externalID providerID unschedulable taints configSource? podCIDRs',
  'core.v1.Taint': 'key value effect timeAdded?',
  'core.v1.NodeConfigSource': '2:configMap?',
  'core.v1.ConfigMapNodeConfigSource': 'namespace name uid resourceVersion kubeletConfigKey',
  'core.v1.NodeStatus':
    'capacity allocatable phase conditions addresses daemonEndpoints nodeInfo images volumesInUse volumesAttached ' +
    'config? runtimeHandlers features?',
  'core.v1.NodeCondition': 'type status lastHeartbeatTime lastTransitionTime reason message',
  'core.v1.NodeAddress': 'type address',
  'core.v1.NodeDaemonEndpoints': 'kubeletEndpoint',
  'core.v1.DaemonEndpoint': 'Port',
  'core.v1.NodeSystemInfo':
    'machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion kubeProxyVersion ' +
    'operatingSystem architecture',
  'core.v1.ContainerImage': 'names sizeBytes',
  'core.v1.AttachedVolume': 'name devicePath',
  'core.v1.NodeConfigStatus': 'assigned? active? lastKnownGood? error',
  'core.v1.NodeRuntimeHandler': 'name features?',
  'core.v1.NodeRuntimeHandlerFeatures': 'recursiveReadOnlyMounts? userNamespaces?',
  'core.v1.NodeFeatures': 'supplementalGroupsPolicy?',
  'core.v1.Pod': 'metadata spec status',
  'core.v1.PodStatus':
    'phase conditions message reason hostIP podIP startTime? containerStatuses qosClass initContainerStatuses ' +
    'nominatedNodeName podIPs ephemeralContainerStatuses resize resourceClaimStatuses hostIPs',
  'core.v1.PodCondition': 'type status lastProbeTime lastTransitionTime reason message',
  'core.v1.ContainerStatus':
    'name state lastState ready restartCount image imageID containerID started? allocatedResources resources? ' +
    'volumeMounts user? allocatedResourcesStatus',
  'core.v1.ContainerState': 'waiting? running? terminated?',
  'core.v1.ContainerStateWaiting': 'reason message',
  'core.v1.ContainerStateRunning': 'startedAt',
  'core.v1.ContainerStateTerminated': 'exitCode signal reason message startedAt finishedAt containerID',
  'core.v1.VolumeMountStatus': 'name mountPath readOnly recursiveReadOnly?',
  'core.v1.ContainerUser': 'linux?',
  'core.v1.LinuxContainerUser': 'uid gid supplementalGroups',
  'core.v1.ResourceStatus': 'name resources',
  'core.v1.ResourceHealth': 'resourceID health',
  'core.v1.PodIP': 'ip',
  'core.v1.PodResourceClaimStatus': 'name resourceClaimName?',
  'core.v1.HostIP': 'ip',
  'core.v1.Event':
    'metadata involvedObject reason message source firstTimestamp lastTimestamp count type eventTime series? action ' +
    'related? reportingComponent reportingInstance',
  'core.v1.ObjectReference': 'kind namespace name uid apiVersion resourceVersion fieldPath',
  'core.v1.EventSource': 'component host',
  'core.v1.EventSeries': 'count lastObservedTime',
  'core.v1.ConfigMap': 'metadata data binaryData immutable?',
  'core.v1.Secret': 'metadata data type stringData immutable?',
  'core.v1.ServiceAccount': 'metadata secrets imagePullSecrets automountServiceAccountToken?',
  'core.v1.Service': 'metadata spec status',
  'core.v1.ServiceSpec':
    'ports selector clusterIP type externalIPs 7:sessionAffinity loadBalancerIP loadBalancerSourceRanges externalName ' +
    'externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig? 17:ipFamilyPolicy? ' +
    'clusterIPs ipFamilies allocateLoadBalancerNodePorts? loadBalancerClass? internalTrafficPolicy? trafficDistribution?',
  'core.v1.ServicePort': 'name protocol port targetPort nodePort appProtocol?',
  'core.v1.SessionAffinityConfig': 'clientIP?',
  'core.v1.ClientIPConfig': 'timeoutSeconds?',
  'core.v1.ServiceStatus': 'loadBalancer conditions',
  'core.v1.LoadBalancerStatus': 'ingress',
  'core.v1.LoadBalancerIngress': 'ip hostname ipMode? ports',
  'core.v1.PortStatus': 'port protocol error?',
  'apps.v1.ReplicaSet': 'metadata spec status',
  'apps.v1.ReplicaSetSpec': 'replicas? selector? template minReadySeconds',
  'core.v1.PodTemplateSpec': 'metadata spec',
  'apps.v1.ReplicaSetStatus': 'replicas fullyLabeledReplicas observedGeneration readyReplicas availableReplicas conditions',
  'apps.v1.ReplicaSetCondition': 'type status lastTransitionTime reason message',
  'apps.v1.Deployment': 'metadata spec status',
  'apps.v1.DeploymentSpec':
    'replicas? selector? template strategy minReadySeconds revisionHistoryLimit? paused 9:progressDeadlineSeconds?',
  'apps.v1.DeploymentStrategy': 'type rollingUpdate?',
  'apps.v1.RollingUpdateDeployment': 'maxUnavailable? maxSurge?',
  'apps.v1.DeploymentStatus':
    'observedGeneration replicas updatedReplicas availableReplicas unavailableReplicas conditions readyReplicas ' +
    'collisionCount?',
  'apps.v1.DeploymentCondition': 'type status 4:reason message lastUpdateTime lastTransitionTime',
  'core.v1.Endpoints': 'metadata subsets',
  'core.v1.EndpointSubset': 'addresses notReadyAddresses ports',
  'core.v1.EndpointAddress': 'ip targetRef? hostname nodeName?',
  'core.v1.EndpointPort': 'name port protocol appProtocol?',
  'discovery.v1.EndpointSlice': 'metadata endpoints ports addressType',
  'discovery.v1.Endpoint': 'addresses conditions hostname? targetRef? deprecatedTopology nodeName? zone? hints?',
  'discovery.v1.EndpointConditions': 'ready? serving? terminating?',
  'discovery.v1.EndpointHints': 'forZones',
  'discovery.v1.ForZone': 'name',
  'discovery.v1.EndpointPort': 'name? protocol? port? appProtocol?',
  'policy.v1.PodDisruptionBudget': 'metadata spec status',
  'policy.v1.PodDisruptionBudgetSpec': 'minAvailable? selector? maxUnavailable? unhealthyPodEvictionPolicy?',
  'policy.v1.PodDisruptionBudgetStatus':
    'observedGeneration disruptedPods disruptionsAllowed currentHealthy desiredHealthy expectedPods conditions',
  'coordination.v1.Lease': 'metadata spec',
  'coordination.v1.LeaseSpec':
    'holderIdentity? leaseDurationSeconds? acquireTime? renewTime? leaseTransitions? strategy? preferredHolder?',
  'autoscaling.v1.Scale': 'metadata spec status',
  'autoscaling.v1.ScaleSpec': 'replicas',
  'autoscaling.v1.ScaleStatus': 'replicas selector',
  'core.v1.Binding': 'metadata target',
  'policy.v1.Eviction': 'metadata deleteOptions?',
};
