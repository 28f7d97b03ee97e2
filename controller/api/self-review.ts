/**
 * Questions of a user about itself: who am I (`kubectl auth whoami`), may I (`kubectl auth can-i`), what may I (`--list`). They are answered, not
 * stored, and not in discovery. What one may depends on one's groups alone (authorization.ts), so the question's details do not matter.
 */
import { type Answer, jsonAnswer } from './answer.ts';
import { mayEverything } from './authorization.ts';
import type { User } from './verbs.ts';

type Review = (user: User) => object;

const whoAmI: Review = ({ name, groups }) => ({
  kind: 'SelfSubjectReview',
  apiVersion: 'authentication.k8s.io/v1',
  metadata: { creationTimestamp: null },
  status: { userInfo: { username: name, groups } },
});

const mayI: Review = (user) => ({
  kind: 'SelfSubjectAccessReview',
  apiVersion: 'authorization.k8s.io/v1',
  metadata: { creationTimestamp: null },
  spec: {},
  status: mayEverything(user) ? { allowed: true } : { allowed: false, reason: 'only members of system:masters have rights' },
});

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
const pathsOfAll = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version'];

const whatMayI: Review = (user) => {
  const all = mayEverything(user);
  return {
    kind: 'SelfSubjectRulesReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: { creationTimestamp: null },
    spec: {},
    status: {
      resourceRules: all ? [everything] : [],
      nonResourceRules: [all ? { verbs: ['*'], nonResourceURLs: ['*'] } : { verbs: ['get'], nonResourceURLs: pathsOfAll }],
      incomplete: false,
    },
  };
};

const reviews = new Map<string, Review>([
  ['/apis/authentication.k8s.io/v1/selfsubjectreviews', whoAmI],
  ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', mayI],
  ['/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', whatMayI],
]);

export const isSelfReview = (method: string, path: string): boolean => method === 'POST' && reviews.has(path);

export const reviewSelf = (path: string, user: User): Answer => jsonAnswer(201, reviews.get(path)?.(user) ?? {});
