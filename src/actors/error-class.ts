/**
 * The class of an error that is not ours, by what fetch, Node, zod and the AI SDK say of theirs. Never throws.
 *
 * Of an error and its causes the outermost that says something counts. An error that says nothing has no class here: it counts as transient,
 * for a retry that was in vain costs less than one that was not tried.
 *
 * Source: Execution Layer Architecture, "Error Classification", which names the classes and not what belongs to them.
 */

import { type ErrorClass, isRetryable } from '../machines/protocol/errors.ts';
import { memberOf } from './reading.ts';

/** What an error says of itself. */
export interface Signs {
  readonly errorClass?: ErrorClass;
  /** Of the HTTP answer that it is about. */
  readonly status?: number;
  /** That of the system or of Node, for example ECONNRESET. */
  readonly code?: string;
}

const byClass = (classes: Partial<Record<ErrorClass, string>>): ReadonlyMap<unknown, ErrorClass> =>
  new Map(Object.entries(classes).flatMap(([errorClass, names]) => names.split(/\s+/).map((name) => [name, errorClass as ErrorClass])));

/** Of Node, of the system and of undici (which is Node's fetch), where they say more than that something failed. */
const BY_CODE = byClass({
  transient:
    'ECONNRESET ECONNREFUSED ECONNABORTED EPIPE EAI_AGAIN ENETDOWN ENETUNREACH ENETRESET EHOSTDOWN EHOSTUNREACH EAGAIN EBUSY EINTR UND_ERR_SOCKET ERR_STREAM_PREMATURE_CLOSE',
  timeout: 'ETIMEDOUT ESOCKETTIMEDOUT ETIME UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT',
  resource: 'ENOSPC EDQUOT EMFILE ENFILE ENOMEM ENOBUFS ERR_WORKER_OUT_OF_MEMORY',
  dependency:
    'ENOTFOUND CERT_HAS_EXPIRED CERT_NOT_YET_VALID DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE ERR_TLS_CERT_ALTNAME_INVALID MODULE_NOT_FOUND ERR_MODULE_NOT_FOUND',
  permanent:
    'ENOENT EACCES EPERM EEXIST ENOTDIR EISDIR ENOTEMPTY EROFS EXDEV EFBIG ELOOP ENAMETOOLONG ERR_ACCESS_DENIED ERR_METHOD_NOT_IMPLEMENTED',
  validation: 'ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE ERR_INVALID_URL ERR_INVALID_PROTOCOL ERR_OUT_OF_RANGE EINVAL',
});

/** What a model said badly it may say well the next time; what it was asked badly it is asked badly again. */
const BY_NAME = byClass({
  transient:
    'AI_NoObjectGeneratedError AI_NoOutputGeneratedError AI_NoContentGeneratedError AI_EmptyResponseBodyError AI_InvalidResponseDataError AI_InvalidStreamPartError AI_JSONParseError AI_TypeValidationError AI_InvalidToolInputError AI_NoSuchToolError AI_ToolCallRepairError AI_ToolChoiceViolationError',
  timeout: 'TimeoutError',
  permanent:
    'AI_LoadAPIKeyError AI_LoadSettingError AI_NoSuchModelError AI_NoSuchProviderError AI_UnsupportedFunctionalityError AI_UnsupportedModelVersionError',
  validation: 'ZodError $ZodError AI_InvalidArgumentError AI_InvalidPromptError AI_MissingToolResultsError',
});

const BY_STATUS: ReadonlyMap<number, ErrorClass> = new Map([
  [400, 'validation'],
  [408, 'timeout'],
  [409, 'transient'],
  [413, 'validation'],
  [415, 'validation'],
  [422, 'validation'],
  [424, 'dependency'],
  [425, 'transient'],
  [429, 'resource'],
  [501, 'permanent'],
  [504, 'timeout'],
  [505, 'permanent'],
  [507, 'resource'],
  [529, 'resource'],
]);

const byStatus = (status: number): ErrorClass => BY_STATUS.get(status) ?? (status < 500 ? 'permanent' : 'transient');

/** Causes have causes, and some go in a circle. */
const MOST_CAUSES = 8;

/** Reads an error and its causes. */
export function signsOf(thrown: unknown, depth = 0): Signs {
  if (depth > MOST_CAUSES || typeof thrown !== 'object' || thrown === null) return {};
  const status = statusOf(thrown);
  const code = codeOf(thrown);
  const own = BY_NAME.get(memberOf(thrown, 'name')) ?? (status === undefined ? undefined : byStatus(status)) ?? BY_CODE.get(code);
  // The AI SDK's RetryError has no cause: it keeps the errors of all its attempts.
  const inner = signsOf(memberOf(thrown, 'cause') ?? memberOf(thrown, 'lastError'), depth + 1);
  const errorClass = heeding(memberOf(thrown, 'isRetryable'), own ?? inner.errorClass);
  return {
    ...inner,
    ...(errorClass && { errorClass }),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
  };
}

/** Whoever raised the error has seen the answer's body, too, and knows whether trying again can help. */
function heeding(saidRetryable: unknown, errorClass: ErrorClass | undefined): ErrorClass | undefined {
  if (saidRetryable === true) return errorClass && isRetryable(errorClass) ? errorClass : 'transient';
  if (saidRetryable === false) return errorClass && !isRetryable(errorClass) ? errorClass : 'permanent';
  return errorClass;
}

function statusOf(thrown: object): number | undefined {
  const candidates = [memberOf(thrown, 'statusCode'), memberOf(thrown, 'status'), memberOf(memberOf(thrown, 'response'), 'status')];
  return candidates.find((each): each is number => Number.isInteger(each) && Number(each) >= 400 && Number(each) <= 599);
}

function codeOf(thrown: object): string | undefined {
  const code = memberOf(thrown, 'code');
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : undefined;
}
