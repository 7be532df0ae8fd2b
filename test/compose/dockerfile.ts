import { projectText } from './compose-file.ts';

/** One instruction of a Dockerfile: `COPY`, and what follows it on its line and those that continue it. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** One stage of a build: an image, and what is done to it. */
export interface Stage {
  readonly from: string;
  /** Undefined for the last one. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The daemon's image, as its Dockerfile says. */
export interface DaemonImage {
  readonly stages: readonly Stage[];
  /** Of the last stage, which is what runs. */
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly volumes: readonly string[];
  readonly exposed: readonly number[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** Without `CMD`. */
  readonly healthcheck: readonly string[] | undefined;
}

/** Reads `Dockerfile`. Throws where an instruction is of a form that is not expected. */
export function readDockerfile(): DaemonImage {
  const stages = stagesOf(instructionsOf(projectText('Dockerfile')));
  const last = stages.at(-1)?.instructions ?? [];
  const all = (name: string): readonly string[] =>
    last.filter((instruction) => instruction.name === name).map(({ rest }) => rest);
  const check = /\bCMD (?<words>\[.*\])$/u.exec(all('HEALTHCHECK')[0] ?? '')?.groups?.['words'];
  return {
    stages,
    environment: Object.fromEntries(
      all('ENV').flatMap((rest) =>
        rest.split(/\s+/u).map((pair) => {
          const [name = '', value = ''] = pair.split('=', 2);
          return [name, value] as const;
        }),
      ),
    ),
    user: all('USER')[0],
    volumes: all('VOLUME'),
    exposed: all('EXPOSE').flatMap((rest) => rest.split(' ').map(Number)),
    entrypoint: wordsOf(all('ENTRYPOINT')[0]),
    command: wordsOf(all('CMD')[0]),
    healthcheck: check === undefined ? undefined : wordsOf(check),
  };
}

function instructionsOf(text: string): readonly Instruction[] {
  return text
    .replaceAll(/^#.*\n/gmu, '')
    .replaceAll(/\\\n\s*/gu, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const at = line.indexOf(' ');
      return { name: line.slice(0, at), rest: line.slice(at + 1) };
    });
}

function stagesOf(instructions: readonly Instruction[]): readonly Stage[] {
  const stages: { from: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.name === 'FROM') {
      const [from = '', , name] = instruction.rest.split(' ');
      stages.push({ from, name, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

/** The exec form, a list in JSON: without a shell, so that signals reach the process. */
function wordsOf(text: string | undefined): readonly string[] {
  const words: unknown = JSON.parse(text ?? '[]');
  if (!Array.isArray(words)) throw new Error(`not the exec form: ${text}`);
  return words.map(String);
}
