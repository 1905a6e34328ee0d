// What has changed from one schema to another.
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema, isInputObjectType, isRequiredArgument, isRequiredInputField } from 'graphql';

// The changes that break clients which use what they change, and those that some clients may stumble over: new values of
// an enum, say, which Cohort's schema announces where they may come.
export async function changes(from, to) {
  const all = await diff(buildSchema(from), buildSchema(to), [requiredNow]);
  const of = wanted => all.filter(({ criticality: { level } }) => level === wanted).map(({ message }) => message);
  return { breaking: of(CriticalityLevel.Breaking), dangerous: of(CriticalityLevel.Dangerous) };
}

// An input that loses its default and has to be given from now on breaks clients, which the library holds for dangerous.
function requiredNow({ changes: found, newSchema }) {
  return found.map(change => (/DEFAULT/.test(change.type) && isRequired(newSchema, change.path)
    ? { ...change, criticality: { level: CriticalityLevel.Breaking } }
    : change));
}

function isRequired(schema, path) {
  const [typeName, fieldName, argumentName] = path.split('.');
  const type = schema.getType(typeName);
  const field = type?.getFields()[fieldName];
  if (!field) return false;
  return isInputObjectType(type) ? isRequiredInputField(field) : field.args.some(arg => arg.name === argumentName && isRequiredArgument(arg));
}
