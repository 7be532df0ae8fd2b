import type { ConfigMember } from './config-environment.ts';
import { configMembers } from './config.ts';

const HELP_COLUMNS = 100;

/** The settings of a region's file, for `tidemark serve --help`. */
export function configHelp(): string {
  const entries = configMembers.map((member) => {
    const head = `  ${member.path.join('.')} (${member.variable})`;
    return [head, ...wrap(`${member.description} ${valuesOf(member)}`, '      ')].join('\n');
  });
  return [
    'Settings of FILE, each with the environment variable that overrides it:',
    ...entries,
  ].join('\n');
}

/** `docs/configuration.md`. */
export function configMarkdown(): string {
  const sections = configMembers.map((member) =>
    [
      `## \`${member.path.join('.')}\``,
      member.description,
      [
        `- takes: ${member.expected}`,
        ...(member.unit === undefined ? [] : [`- unit: ${member.unit}`]),
        member.required ? '- required' : `- default: ${defaultOf(member, '`')}`,
        `- environment: \`${member.variable}\``,
      ].join('\n'),
    ].join('\n\n'),
  );
  return `${[...PREFACE, ...sections].join('\n\n')}\n`;
}

const PREFACE = [
  '# Configuration',
  'One YAML file describes one region; `regions/` holds those of the lab. Every setting may be overridden by an environment variable: names separated by commas where a list of names is expected, JSON where other lists or objects are. Everything that is wrong is reported at once, with file, line and what was expected, and nothing starts. This page derives from the schema in `src/daemon/config.ts`.',
] as const;

const valuesOf = (member: ConfigMember): string => {
  const unit = member.unit === undefined ? '' : ` ${member.unit}`;
  const fallback = member.required ? 'Required' : `Default: ${defaultOf(member, '')}${unit}`;
  return `Takes ${member.expected}. ${fallback}.`;
};

function defaultOf(member: ConfigMember, quote: string): string {
  if (member.defaultValue === undefined) return 'none';
  return `${quote}${JSON.stringify(member.defaultValue)}${quote}`;
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent.trimEnd();
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > HELP_COLUMNS) {
      lines.push(line);
      line = indent.trimEnd();
    }
    line = line === '' ? `${indent}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
}
