/** The body of a stranger's answer, which must not fill the memory. Called for whatever a client fetches from nodes, and a page from anywhere. */

/** @throws Error for a longer one */
export async function readAtMost(response: Response, bytesMax: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const step = await reader?.read();
    if (step === undefined || step.done) break;
    length += step.value.length;
    if (length > bytesMax) {
      await reader?.cancel();
      throw new Error(`its answer has more than ${bytesMax} bytes`);
    }
    chunks.push(step.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
