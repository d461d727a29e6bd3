/** Reads a body of at most so many bytes as text, whatever it is called. Compressed ones are refused, as answer.ts says. */
import express, { type RequestHandler } from 'express';
import { fromUtf8 } from '../base/bytes.ts';

export function textBody(bytesMax: number): RequestHandler[] {
  return [
    express.raw({ limit: bytesMax, inflate: false, type: () => true }),
    (request, _, next) => {
      request.body = fromUtf8(Buffer.isBuffer(request.body) ? request.body : new Uint8Array());
      next();
    },
  ];
}
