package app

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// settings are the commands and all configuration. A flag that is not given has the value of its variable,
// if that is set to more than nothing, else its default.
type settings struct {
	Database string `placeholder:"URL" variable:"COHORT_DATABASE" help:"Where the database is: mysql://user:password@host:port/database or sqlite:FILE. By default ${embedded}, which the server fills with demo data at its first start."`
	Log      string `enum:"auto,text,json" default:"auto" variable:"COHORT_LOG" help:"How the log on standard error is written: text or json; auto is text on a terminal and json elsewhere."`
	LogLevel string `enum:"debug,info,warn,error" default:"info" variable:"COHORT_LOG_LEVEL" help:"The least that is logged: debug, info, warn or error."`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the API; what happens without a command."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date and do nothing else."`
	Account struct {
		Create accountCreateCommand `cmd:"" help:"Make an account with its first super admin."`
		List   accountListCommand   `cmd:"" help:"List the accounts."`
	} `cmd:"" help:"Make and list accounts."`
	Audit struct {
		Prune auditPruneCommand `cmd:"" help:"Delete the audit log's events from before a date."`
	} `cmd:"" help:"Look after the audit log."`
	Token   tokenCommand   `cmd:"" help:"Print a token for a user, with which requests are made in the user's name."`
	Import  importCommand  `cmd:"" help:"Load users.csv, groups.csv and memberships.csv from a folder."`
	Seed    seedCommand    `cmd:"" help:"Fill an account with an invented organisation of any size."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// tokenSettings are for whoever makes or reads tokens. The secret has no flag: everybody on the machine sees
// the flags of a process.
type tokenSettings struct {
	JWTIssuer   string `name:"jwt-issuer" placeholder:"NAME" variable:"COHORT_JWT_ISSUER" help:"The iss of tokens; if it is set, others are refused."`
	JWTAudience string `name:"jwt-audience" placeholder:"NAME" variable:"COHORT_JWT_AUDIENCE" help:"The aud of tokens; if it is set, those for others are refused."`
}

// Help is shown by --help below what the command is for.
func (tokenSettings) Help() string {
	return "Tokens are signed with the secret in " + secretVariable + ", at least 32 bytes. When neither that nor a database " +
		"is set, one is made in data/jwt-secret and used from then on."
}

type depthSetting struct {
	MaxGroupDepth int `default:"10" variable:"COHORT_MAX_GROUP_DEPTH" help:"How many groups the longest chain of nested groups may have: 1 to 32."`
}

// brakeSetting stops what would suspend many.
type brakeSetting struct {
	Brake int `default:"20" placeholder:"PERCENT" variable:"COHORT_BRAKE" help:"Of how many in a hundred of the account's users, and more than 10, a change that would suspend them needs to be confirmed: 1 to 100, 20 by default; 100 for never."`
}

// memorySetting bounds what is kept of accounts to answer without the database.
type memorySetting struct {
	RosterMemory int64 `default:"256" placeholder:"MIB" variable:"COHORT_ROSTER_MEMORY" help:"What may be kept in memory of who is in which group, over all accounts, in MiB: 256. 100,000 users with three groups each take about 25. With 0 the database answers everything."`
}

type accountSetting struct {
	Account string `placeholder:"NAME" help:"The account, by its name or id. Not needed when there is only one."`
}

const (
	secretVariable = "COHORT_JWT_SECRET" //nolint:gosec // the name of it
	embedded       = "sqlite:data/cohort.db"
	description    = "Cohort administers the people of an account: users, groups, and groups inside groups. " +
		"Each flag with a $VARIABLE beside it can be set by that; " + secretVariable + ", the secret that signs the tokens, by nothing else."
)

// parse reads the command line. done when that was all there is to do: help was asked for and given.
func parse(e Environment, to *lines) (command func(context.Context) error, done bool, err error) {
	var s settings
	parser, err := kong.New(&s,
		kong.Name("cohort"), kong.Description(description), kong.Vars{"embedded": embedded},
		kong.Writers(e.Stdout, e.Stderr), kong.Exit(func(int) { done = true }),
		kong.Resolvers(variables(e.Getenv)), kong.ValueFormatter(withVariable),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		panic(err) // the structs above are wrong
	}
	parsed, err := parser.Parse(e.Args)
	if done { // what it found wrong behind --help doesn't matter
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	p := &program{Environment: e, settings: &s, log: newLog(to, s.Log, s.LogLevel)}
	return func(ctx context.Context) error {
		parsed.Bind(p)
		parsed.BindTo(ctx, (*context.Context)(nil))
		return parsed.Run()
	}, false, nil
}

// variables finds the values of flags in the environment, and names the variable whose value is wrong.
func variables(getenv func(string) string) kong.ResolverFunc {
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		name := flag.Tag.Get("variable")
		if name == "" {
			return nil, nil //nolint:nilnil // how a resolver says that it knows nothing
		}
		value := getenv(name)
		if value == "" {
			return nil, nil //nolint:nilnil // as above
		}
		if flag.Enum != "" && !slices.Contains(flag.EnumSlice(), value) {
			return nil, fmt.Errorf("%s is %q and must be one of %s", name, value, strings.Join(flag.EnumSlice(), ", "))
		}
		scanned := kong.Scan().PushTyped(value, kong.FlagValueToken)
		if err := flag.Parse(scanned, reflect.New(flag.Target.Type()).Elem()); err != nil {
			return nil, fmt.Errorf("%s is %q: %w", name, value, err)
		}
		return value, nil
	}
}

func withVariable(value *kong.Value) string {
	name := value.Tag.Get("variable")
	if name == "" {
		return value.Help
	}
	return value.Help + " ($" + name + ")"
}
