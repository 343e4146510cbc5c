/** What `promise` gives, or a rejection after `limitMs` or once `signal` says that nobody waits any more: what is waited
 * for may never come, and goes on by itself. `late` is the reason for the first. */
export async function within<T>(promise: Promise<T>, limitMs: number, late: string, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), limitMs);
    stop = () => reject(new Error('cancelled'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(timer);
    if (stop) signal.removeEventListener('abort', stop);
  }
}
