import * as vscode from 'vscode';

/** The steps of the walkthrough in package.json. */
export type Step = 'server' | 'engine' | 'completion' | 'review' | 'menu';

const AGAIN_MS = 10_000;

/** Tells the walkthrough which of its steps are done. */
export class Walkthrough {
  private readonly told = new Map<Step, number>();

  /** It may be called as often as it happens: VS Code notices only from the walkthrough's first opening on. */
  finished(step: Step): void {
    const now = Date.now();
    if (now - (this.told.get(step) ?? 0) < AGAIN_MS) return;
    this.told.set(step, now);
    void tell(step);
  }

  async open(): Promise<void> {
    await vscode.commands.executeCommand('workbench.action.openWalkthrough', 'codeassist.codeassist#start', false);
    for (const step of this.told.keys()) await tell(step);
  }
}

/** A step is ticked when its key becomes true while VS Code watches it; one that is true by then never is. */
async function tell(step: Step): Promise<void> {
  for (const done of [true, undefined]) await vscode.commands.executeCommand('setContext', `codeassist.done.${step}`, done);
}
