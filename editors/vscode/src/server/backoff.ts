const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const MOST_IN_A_ROW = 6;
/** A server that ran so long is well: what stopped it now is another matter. */
const WELL_AFTER_MS = 60_000;

/** How long to wait before a server that stopped by itself is started again. */
export class Backoff {
  private inARow = 0;
  private startedAt = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** The server runs. */
  started(): void {
    this.startedAt = this.now();
  }

  /** The user wants it anew: what happened before does not count. */
  reset(): void {
    this.inARow = 0;
  }

  /** The server has stopped, or did not even start. Milliseconds until the next try, undefined if there is to be none. */
  stopped(): number | undefined {
    const ran = this.startedAt ? this.now() - this.startedAt : 0;
    this.startedAt = 0;
    this.inARow = ran >= WELL_AFTER_MS ? 1 : this.inARow + 1;
    if (this.inARow > MOST_IN_A_ROW) return undefined;
    return Math.min(FIRST_MS * 2 ** (this.inARow - 1), LONGEST_MS);
  }
}
