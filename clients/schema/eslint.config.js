// What the published schema must hold to: graphql-eslint's recommended rules and those of Relay. An exception says why.
import graphql from '@graphql-eslint/eslint-plugin';

const schema = new URL('../build/schema.graphql', import.meta.url).pathname;
const { rules: recommended } = graphql.configs['flat/schema-recommended'];
const { rules: relay } = graphql.configs['flat/schema-relay'];

export default [
  {
    files: ['**/*.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...recommended,
      ...relay,
      // Parts of what has an id, and answers to one question: nobody asks for one of them again.
      '@graphql-eslint/strict-id-in-types': ['error', {
        exceptions: {
          suffixes: ['Connection', 'Edge', 'Payload', 'Result'],
          types: [
            'AuditActor', 'AuditChange',
            'GroupAdjacent', 'GroupPermission', 'GroupProduct', 'MembershipCheck', 'PageInfo', 'ProductImpact', 'ProductSummary', 'ProductsCounts', 'ProductsImpact', 'ProductsPreview', 'ProductsPreviewRow',
            'GroupMemberTableColumn', 'GroupMemberTableFilter', 'GroupTableColumn', 'GroupTableFilter', 'JobTableColumn', 'JobTableFilter', 'TableViews',
            'UserTableColumn', 'UserTableFilter',
            'AccessAction', 'AccessExplanation', 'AccessReason', 'EffectiveSetting', 'SettingChange', 'SettingChoice', 'SettingDefinition', 'SettingReason', 'SettingSummary',
            'SettingValue', 'SettingValueCount', 'SettingsCounts', 'SettingsImpact', 'SettingsImpactForKey', 'SettingsPreview', 'SettingsPreviewRow', 'SettingsSummary',
            'PermissionDefinition', 'PermissionSource', 'RateLimit',
            'ExportFile', 'ChangePage', 'ChangedGroup', 'ChangedUser', 'GroupChange', 'MembershipChange', 'NestingChange', 'UserChange', 'UserProductChange', 'UserStatusChange',
            'WebhookDelivery',
            'UserChangeCounts', 'UserError', 'UserErrorParam', 'UserPermission', 'UserProduct', 'UsersProductsSummary', 'Viewer',
          ],
        },
      }],
      // Connections have `nodes` beside `edges`, and short lists that are always whole are plain lists.
      // The results of a job are parts of it, so that their edges lead to no Node.
      '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      '@graphql-eslint/no-typename-prefix': 'off', // viewerCan… is the same word on every type, on Viewer too
      '@graphql-eslint/require-description': ['error', {
        types: true, rootField: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true,
      }],
      '@graphql-eslint/input-name': ['error', { checkInputType: true, caseSensitiveInputType: false }],
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      '@graphql-eslint/require-nullable-fields-with-oneof': 'error',
    },
  },
];
