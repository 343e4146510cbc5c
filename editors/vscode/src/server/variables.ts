/** Settings as the environment variables of the command line: `server.url` is CODEASSIST_SERVER__URL. */
export function environmentVariables(settings: Record<string, unknown>, prefix = 'CODEASSIST_'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]): [string, string][] => {
      const name = prefix + key.toUpperCase();
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return Object.entries(environmentVariables(value as Record<string, unknown>, `${name}__`));
      }
      return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
    }),
  );
}
