/**
 * How both listeners answer: one mapping from errors to HTTP, one JSON reader. An error goes out as
 * {error: {code, message, evidence, next}}; what has no code is a bug of ours, and says nothing but that.
 */
import type { IncomingMessage } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import type { z } from 'zod';
import type { errorBody } from '../api/bodies.ts';
import { codes, HoldfastError } from '../base/errors.ts';

/** What a listener reports to the operator; diagnostics, never part of an answer. */
export interface Trace {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
}

/**
 * Reads a JSON body of at most so many bytes. Compressed ones are refused: a few bytes could unfold to anything (zip bomb),
 * and bodies that are mostly random gain nothing.
 */
export function jsonBody(bytesMax: number): RequestHandler {
  return express.json({ limit: bytesMax, inflate: false, strict: false, type: isJson });
}

/** JSON is UTF-8 (RFC 8259, section 8.1). In another character set the same bytes are another text to whoever looks on before. */
export function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '');
}

/** For every path and method that is not a route. */
export const noSuchRoute: RequestHandler = (request) => {
  throw new HoldfastError('not-found', `there is no ${request.method} on this path`);
};

/** Last in the chain. */
export function answerError(trace: Trace): ErrorRequestHandler {
  return (thrown: unknown, { method, path }, response, next) => {
    const { http, body } = errorAnswer(thrown, trace, method, path);
    if (response.headersSent) return next(thrown);
    response.status(http).json(body);
  };
}

/** Tells the operator, and says what to answer. */
export function errorAnswer(
  thrown: unknown,
  trace: Trace,
  method: string,
  path: string,
): { readonly http: number; readonly body: z.input<typeof errorBody> } {
  const error = coded(thrown);
  const what = { code: error.code, operation: `${method} ${path.slice(0, 64)}`, evidence: error.evidence };
  if (error.code !== 'alarm') trace.info(what, error.message);
  else trace.error({ ...what, bug: thrown instanceof HoldfastError ? undefined : stackOf(thrown) }, error.message);
  const { http, next } = codes[error.code];
  return { http, body: { error: { code: error.code, message: error.message, evidence: error.evidence, next } } };
}

function coded(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const { type, status } = thrown as { type?: unknown; status?: unknown };
  // The body reader's own refusals (body-parser): their messages may repeat the body, so they are worded here.
  if (type === 'entity.too.large') return new HoldfastError('too-large', 'the body is larger than this path takes');
  if (type === 'encoding.unsupported') return new HoldfastError('malformed', 'compressed bodies are not taken');
  if (typeof status === 'number' && status < 500)
    return new HoldfastError('malformed', 'the body is not JSON, or the path not well-formed');
  return new HoldfastError('alarm', 'an error of this program: the operator finds it in the trace');
}

/** Where it happened; the first line may hold data, the frames do not. */
function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}\n${(thrown.stack ?? '').split('\n').slice(1).join('\n')}` : typeof thrown;
}
