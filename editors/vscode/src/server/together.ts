/** `work` so that it is not done twice at a time with the same arguments: who asks meanwhile gets the same answer. */
export function together<A extends unknown[], T>(work: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  const under = new Map<string, Promise<T>>();
  return (...args) => {
    const key = JSON.stringify(args);
    const running = under.get(key) ?? work(...args).finally(() => under.delete(key));
    under.set(key, running);
    return running;
  };
}
