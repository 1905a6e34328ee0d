// Keeps the schema as the one that is released: later ones must not break it.
//   node schema/release.mjs ../schema.graphqls
import { readFileSync, writeFileSync } from 'node:fs';
import { buildSchema, parse, print, printSchema, visit } from 'graphql';

const schema = buildSchema(readFileSync(process.argv[2], 'utf8'));
const bare = visit(parse(printSchema(schema)), { enter: node => ('description' in node ? { ...node, description: undefined } : undefined) });
writeFileSync(new URL('released.graphql', import.meta.url), `# The schema of the last release, written by "make release-schema".\n\n${print(bare)}\n`);
