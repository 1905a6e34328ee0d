package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/graph"
	"cohort/jobs"
	"cohort/mail"
	"cohort/store"
	"cohort/webhook"
)

type serveCommand struct {
	tokenSettings
	providerSettings
	depthSetting
	memorySetting
	limitSettings
	doorSettings
	jobSettings
	brakeSetting
	mailSettings
	feedSetting
	webhookSetting
	Listen string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" variable:"COHORT_LISTEN" help:"Where to listen. 127.0.0.1:8080 by default, which only this machine reaches."`
	Demo   bool   `help:"Make a demo account in a database without accounts, and print a token for it, as is done without a database of your own. Only when listening on a loopback address."`
}

// stopWithin is how long requests in flight may take once the server is asked to stop.
const stopWithin = 30 * time.Second

// Memory is spent so that the garbage collector runs less often: the heap grows to three times what is in use, and
// by spareHeap more, before it is swept. GOGC, if set, takes the place of growth.
const (
	spareHeap = 16 << 20
	growth    = 200 // percent
)

// Validate is called by the parser of the command line, and has to name the parts, of which several have one.
func (c *serveCommand) Validate() error {
	return cmp.Or(c.depthSetting.Validate(), c.memorySetting.Validate(), c.limitSettings.Validate(), c.doorSettings.Validate(), c.providerSettings.Validate(), c.jobSettings.Validate(), c.brakeSetting.Validate(), c.feedSetting.Validate(), c.webhookSetting.Validate())
}

func (c *serveCommand) Run(ctx context.Context, p *program) error {
	address, demo, err := c.place(p)
	if err != nil {
		return err
	}
	trusted, err := c.trusted(c.limits())
	if err != nil {
		return err
	}
	on := &site{log: p.log, demo: demo, limits: c.limits(), trusted: trusted, origins: c.CORSOrigins, streams: graph.NewStreams(p.pace), metrics: newMetrics()}
	if on.metricsToken, err = p.metricsToken(); err != nil {
		return err
	}
	if on.traces, err = newTraces(ctx, p.Getenv, p.log); err != nil {
		return err
	}
	// Never touched, so that it takes no memory, but counted as if it did: a small heap is swept all the time, which
	// took a fifth of an empty query. The heap grows by this much more before it is.
	spare := make([]byte, spareHeap)
	defer runtime.KeepAlive(spare)
	if p.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	defer on.traces.flush(p.log)
	return c.open(ctx, p, address, on)
}

// open opens the database for the site, serves it, and closes the database.
func (c *serveCommand) open(ctx context.Context, p *program, address *net.TCPAddr, on *site) (err error) {
	post, err := c.post(p)
	if err != nil {
		return err
	}
	provider, err := c.provider(p, c.tokenSettings)
	if err != nil {
		return err
	}
	if on.tokens, err = p.tokens(c.tokenSettings, provider); err != nil {
		return err
	}
	p.observe = func(ctx context.Context, work store.Work, begin time.Time, err error) {
		on.metrics.work(work, begin, err)
		on.traces.work(ctx, work, begin, err)
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	o := c.options()
	o.MailFrom = post.From
	o.Memory, o.Log, o.Brake = c.bytes(), p.log, c.Brake
	if o.ConfirmKey, err = on.tokens.Key("confirmations"); err != nil {
		return errors.Join(err, s.Close())
	}
	if o.ExportKey, err = on.tokens.Key("exports"); err != nil {
		return errors.Join(err, s.Close())
	}
	if o.WebhookKey, err = on.tokens.Key("webhooks"); err != nil {
		return errors.Join(err, s.Close())
	}
	o.WebhookAllow = c.nets()
	d, err := directory.New(s, o)
	if err == nil {
		on.store, on.directory = s, d
		on.runner = c.runner(s, d, on.metrics, p.log)
		on.postman = postman(s, d, on.metrics, post)
		on.webhooks = c.worker(s, d, on.metrics, o.WebhookKey, p.log)
		err = errors.Join(on.metrics.watch(on), c.begin(ctx, provider, d))
	}
	if err == nil {
		err = c.serve(ctx, p, address, on)
	}
	return errors.Join(err, s.Close())
}

// place resolves the address to listen on, and says whether this is a demo: asked for, or with the database
// left to us, and out of reach of other machines.
func (c *serveCommand) place(p *program) (address *net.TCPAddr, demo bool, err error) {
	if address, err = net.ResolveTCPAddr("tcp", c.Listen); err != nil {
		return nil, false, fmt.Errorf("COHORT_LISTEN (--listen) must be an address such as 127.0.0.1:8080: %w", err)
	}
	loopback := address.IP.IsLoopback()
	if c.Demo && !loopback {
		return nil, false, fmt.Errorf("--demo prints a super admin's token, so it works on a loopback address only, which %s is not: "+
			"leave out --demo, or set COHORT_LISTEN (--listen) to one such as 127.0.0.1:8080", c.Listen)
	}
	return address, loopback && (c.Demo || p.ownDatabase()), nil
}

func (c *serveCommand) serve(ctx context.Context, p *program, address *net.TCPAddr, on *site) error {
	listener, err := listen(address, c.Listen)
	if err != nil {
		return err
	}
	on.port = listener.Addr().(*net.TCPAddr).Port
	if err := c.welcome(ctx, p, listener.Addr(), on); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           on.handler(),
		ReadHeaderTimeout: cmp.Or(p.headerWithin, 10*time.Second),
		ReadTimeout:       cmp.Or(p.requestWithin, 30*time.Second), // streams lift it for themselves, and the next one
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
		// Requests outlive ctx: what is in flight when it ends is finished.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	defer beside(on.directory.RecordRefusals)() // to the last request
	defer beside(c.cleaner(on.store, p.log))()
	defer beside(exportCleaner(on.directory, p.log))()
	stopJobs, stopMails := beside(on.runner.Run), beside(on.postman.Run)
	stopWebhooks := beside(on.webhooks.Run)
	defer stopWebhooks()
	defer stopMails()
	defer stopJobs()
	p.log.Info("listening", "address", listener.Addr().String(), "demo", on.demo, "mail", on.postman.String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.log.Info("stopping: requests in flight, the current parts of jobs, and the mails and the messages of webhooks that are being sent are finished first", "within", stopWithin)
	var over sync.WaitGroup
	over.Go(stopJobs) // beside the requests, or they would take longer together
	over.Go(stopMails)
	over.Go(stopWebhooks)
	defer over.Wait()
	return stop(server, on.streams, stopWithin)
}

// stop takes no new requests, ends what is open, and waits for requests in flight.
func stop(server *http.Server, streams *graph.Streams, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	streams.End()
	err := errors.Join(server.Shutdown(ctx), streams.Wait(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("requests still ran after %s and were cut off", within), server.Close())
	}
	return err
}

func listen(address *net.TCPAddr, asked string) (net.Listener, error) {
	listener, err := net.ListenTCP("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens on %s already: stop it, or set COHORT_LISTEN (--listen) to another address, such as 127.0.0.1:8081", asked)
	case err != nil:
		return nil, fmt.Errorf("listen on %s, which COHORT_LISTEN (--listen) may change: %w", asked, err)
	}
	return listener, nil
}

// welcome says where the server is and what to do next.
func (c *serveCommand) welcome(ctx context.Context, p *program, address net.Addr, on *site) error {
	url := "http://" + shown(address.(*net.TCPAddr))
	var next string
	var err error
	if on.demo {
		// Whoever stops the first start must not leave half a demo behind.
		next, err = on.demoWelcome(context.WithoutCancel(ctx), url)
	} else {
		next, err = on.plainWelcome(ctx, p.ownDatabase(), c.Listen)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "Cohort %s, on %s\n\n  API         %[3]s/graphql\n  Schema      %[3]s/schema.graphql\n  Playground  %[3]s/\n\n%s",
		version(), on.store.Engine, url, next)
	return nil
}

// shown is an address that can be typed into a browser on this machine.
func shown(address *net.TCPAddr) string {
	if len(address.IP) == 0 || address.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", address.Port)
	}
	return address.String()
}

// plainWelcome is what to do next where there is no demo.
func (on *site) plainWelcome(ctx context.Context, ownDatabase bool, listen string) (string, error) {
	accounts, err := listAccounts(ctx, on.directory)
	if err != nil {
		return "", err
	}
	text := "A token: cohort token --user EMAIL --account NAME\n"
	if len(accounts) == 0 {
		text = noAccount + "\n"
	}
	if ownDatabase {
		text = fmt.Sprintf("No demo data are made and no token is printed, since other machines may reach %s.\n", listen) + text
	}
	return text, nil
}

// site is a server: what its handler works with.
type site struct {
	store     *store.Store
	directory *directory.Directory
	tokens    *auth.Tokens
	log       *slog.Logger
	limits    graph.Limits
	trusted   *graph.Trusted
	streams   *graph.Streams
	origins   []string // of web pages that may use the server
	metrics   *metrics
	runner    *jobs.Runner
	postman   *mail.Worker
	webhooks  *webhook.Worker
	traces    *traces // nil for none
	demo      bool    // only requests to a loopback name are answered
	port      int

	metricsToken string // what opens /metrics; without one the demo alone has it
}
