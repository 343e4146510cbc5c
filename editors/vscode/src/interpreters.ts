import * as path from 'node:path';
import * as vscode from 'vscode';

/** The part of the Python extension's interface that is used. */
interface PythonApi {
  environments?: { getActiveEnvironmentPath(resource?: vscode.Uri): { path: string } };
}

/** Where the workspace's interpreters may be, as far as is known without starting anything: what the Python extension
 * uses if it runs, what is configured, and where environments usually are. */
export function interpretersOf(): string[] {
  const python = vscode.extensions.getExtension<PythonApi>('ms-python.python');
  const api = python?.isActive ? python.exports : undefined;
  return (vscode.workspace.workspaceFolders ?? []).flatMap(({ uri }) => {
    const chosen = api?.environments?.getActiveEnvironmentPath(uri).path;
    const configured = vscode.workspace.getConfiguration('python', uri).get<string>('defaultInterpreterPath');
    const usual = ['.venv', 'venv'].map((name) => path.join(uri.fsPath, name));
    const places = [chosen, configured?.replace('${workspaceFolder}', uri.fsPath), ...usual].filter((each): each is string => !!each);
    return places.flatMap((place) => [place, path.join(place, 'bin', 'python'), path.join(place, 'Scripts', 'python.exe'), path.join(place, 'python.exe')]);
  });
}
