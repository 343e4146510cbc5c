import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { page, type Entry } from './page';

const MOST = 50;

/** The view of the last requests, stage by stage. It follows what happens as long as it can be seen. */
export class TracePanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  /** Open it, or bring it to the front. */
  async show(client: LanguageClient): Promise<void> {
    if (!this.panel) {
      const options = { enableScripts: false, enableForms: false, localResourceRoots: [] };
      this.panel = vscode.window.createWebviewPanel('codeassist.trace', 'codeassist: Last Requests', vscode.ViewColumn.Active, options);
      this.panel.onDidDispose(() => (this.panel = undefined));
    }
    this.panel.reveal();
    await this.refresh(client);
  }

  async refresh(client: LanguageClient): Promise<void> {
    if (!this.panel?.visible) return;
    const entries = await client.sendRequest<Entry[]>('codeassist/trace', { limit: MOST }).catch(() => undefined); // The server ended.
    if (entries && this.panel) this.panel.webview.html = page(entries, randomBytes(16).toString('hex'));
  }

  dispose(): void {
    this.panel?.dispose();
  }
}
