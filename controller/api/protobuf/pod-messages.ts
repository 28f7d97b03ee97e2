/** Field numbers of the messages of pods; the notation is explained in meta-messages.ts. */
export const podMessages: Readonly<Record<string, string>> = {
  'core.v1.PodSpec':
    'volumes containers restartPolicy terminationGracePeriodSeconds? activeDeadlineSeconds? dnsPolicy nodeSelector ' +
    'serviceAccountName serviceAccount nodeName hostNetwork hostPID hostIPC securityContext? imagePullSecrets hostname ' +
    'subdomain affinity? schedulerName initContainers automountServiceAccountToken? tolerations hostAliases ' +
    'priorityClassName priority? dnsConfig? shareProcessNamespace? readinessGates runtimeClassName? enableServiceLinks? ' +
    'preemptionPolicy? overhead topologySpreadConstraints ephemeralContainers setHostnameAsFQDN? os? hostUsers? ' +
    'schedulingGates resourceClaims resources?',
  'core.v1.Container':
    'name image command args workingDir ports env resources volumeMounts livenessProbe? readinessProbe? lifecycle? ' +
    'terminationMessagePath imagePullPolicy securityContext? stdin stdinOnce tty envFrom terminationMessagePolicy ' +
    'volumeDevices startupProbe? resizePolicy restartPolicy?',
  'core.v1.ContainerPort': 'name hostPort containerPort protocol hostIP',
  'core.v1.EnvVar': 'name value valueFrom?',
  'core.v1.ResourceRequirements': 'limits requests claims',
  'core.v1.ResourceClaim': 'name request',
  'core.v1.Probe':
    '@core.v1.ProbeHandler initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold ' +
    'terminationGracePeriodSeconds?',
  'core.v1.ProbeHandler': 'exec? httpGet? tcpSocket? grpc?',
  'core.v1.ExecAction': 'command',
  'core.v1.HTTPGetAction': 'path port host scheme httpHeaders',
  'core.v1.HTTPHeader': 'name value',
  'core.v1.TCPSocketAction': 'port host',
  'core.v1.GRPCAction': 'port service?',
  'core.v1.Lifecycle': 'postStart? preStop?',
  'core.v1.LifecycleHandler': 'exec? httpGet? tcpSocket? sleep?',
  'core.v1.SleepAction': 'seconds',
  'core.v1.SecurityContext':
    'capabilities? privileged? seLinuxOptions? runAsUser? runAsNonRoot? readOnlyRootFilesystem? ' +
    'allowPrivilegeEscalation? runAsGroup? procMount? windowsOptions? seccompProfile? appArmorProfile?',
  'core.v1.Capabilities': 'add drop',
  'core.v1.SELinuxOptions': 'user role type level',
  'core.v1.WindowsSecurityContextOptions': 'gmsaCredentialSpecName? gmsaCredentialSpec? runAsUserName? hostProcess?',
  'core.v1.SeccompProfile': 'type localhostProfile?',
  'core.v1.AppArmorProfile': 'type localhostProfile?',
  'core.v1.ContainerResizePolicy': 'resourceName restartPolicy',
  'core.v1.PodSecurityContext':
    'seLinuxOptions? runAsUser? runAsNonRoot? supplementalGroups fsGroup? runAsGroup? sysctls windowsOptions? ' +
    'fsGroupChangePolicy? seccompProfile? appArmorProfile? supplementalGroupsPolicy? seLinuxChangePolicy?',
  'core.v1.Sysctl': 'name value',
  'core.v1.Affinity': 'nodeAffinity? podAffinity? podAntiAffinity?',
  'core.v1.NodeAffinity': 'requiredDuringSchedulingIgnoredDuringExecution? preferredDuringSchedulingIgnoredDuringExecution',
  'core.v1.NodeSelectorTerm': 'matchExpressions matchFields',
  'core.v1.NodeSelectorRequirement': 'key operator values',
  'core.v1.PreferredSchedulingTerm': 'weight preference',
  'core.v1.PodAffinity': 'requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution',
  'core.v1.PodAffinityTerm': 'labelSelector? namespaces topologyKey namespaceSelector? matchLabelKeys mismatchLabelKeys',
  'core.v1.WeightedPodAffinityTerm': 'weight podAffinityTerm',
  'core.v1.PodAntiAffinity': 'requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution',
  'core.v1.Toleration': 'key operator value effect tolerationSeconds?',
  'core.v1.HostAlias': 'ip hostnames',
  'core.v1.PodDNSConfig': 'nameservers searches options',
  'core.v1.PodDNSConfigOption': 'name value?',
  'core.v1.PodReadinessGate': 'conditionType',
  'core.v1.TopologySpreadConstraint':
    'maxSkew topologyKey whenUnsatisfiable labelSelector? minDomains? nodeAffinityPolicy? nodeTaintsPolicy? ' +
    'matchLabelKeys',
  'core.v1.EphemeralContainer': '@core.v1.EphemeralContainerCommon targetContainerName',
  'core.v1.EphemeralContainerCommon':
    'name image command args workingDir ports env resources volumeMounts livenessProbe? readinessProbe? lifecycle? ' +
    'terminationMessagePath imagePullPolicy securityContext? stdin stdinOnce tty envFrom terminationMessagePolicy ' +
    'volumeDevices startupProbe? resizePolicy restartPolicy?',
  'core.v1.PodOS': 'name',
  'core.v1.PodSchedulingGate': 'name',
  'core.v1.PodResourceClaim': 'name 3:resourceClaimName? resourceClaimTemplateName?',
};
