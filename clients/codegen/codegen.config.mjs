export default {
  importExtension: '.js',
  schema: 'build/schema.graphql', // or the server's own: https://cohort.example.com/schema.graphql
  documents: 'codegen/*.ts',
  generates: {
    'build/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: { DateTime: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>', SavedUserFilter: 'UserFilter', SavedGroupFilter: 'GroupFilter' },
        strictScalars: true,
        enumsAsTypes: true,
        useTypeImports: true,
        documentMode: 'string',
      },
    },
  },
};
