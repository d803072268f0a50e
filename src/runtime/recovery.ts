/** What a runtime does about errors by their class, and what becomes of a task that no agent could do: read, checked, and in the words of the charts. */

import { z } from 'zod';
import { ERROR_CLASSES, type ErrorClass, type Issue } from '../machines/protocol/errors.ts';
import type { Backoff, Recovery, Rung } from '../machines/protocol/plan.ts';
import type { Escalation } from '../machines/protocol/swarm.ts';
import { policyOf } from './execution/policies.ts';
import { fallbackOf, retryPolicy } from './workflow/compile.ts';
import { describeProblem } from './workflow/expectation.ts';
import { issuesToError } from './workflow/issues.ts';
import type { WorkflowRegistry } from './workflow/registry.ts';
import { Backoff as BackoffShape, Fallback, maxRetries } from './workflow/shapes.ts';
