// Writes keys.js for the schema of a file: the types that graphcache can't know again since they have no id.
//   node urql/keys.mjs ../schema.graphqls
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, isObjectType } from 'graphql';

const roots = schema => [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];

// The object types without an id of their own.
export function withoutId(schema) {
  return Object.values(schema.getTypeMap())
    .filter(type => isObjectType(type) && !type.name.startsWith('__') && !roots(schema).includes(type) && !type.getFields().id)
    .map(({ name }) => name).sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = withoutId(buildSchema(readFileSync(process.argv[2], 'utf8')));
  writeFileSync(new URL('keys.js', import.meta.url), `// The types of Cohort's schema without an id, which graphcache keeps inside of what they belong to.
const embedded = () => null;

export const keys = {
${names.map(name => `  ${name}: embedded,\n`).join('')}};
`);
}
