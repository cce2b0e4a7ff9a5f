package dav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
	"mailmill/load/pace"
	"mailmill/load/resource"
)

// store takes a task to its outcome. It is called by a worker.
func (t *Target) store(job *task) {
	switch {
	case job.ctx.Err() != nil:
		job.fail(interrupted(job.ctx))
	case job.series != nil:
		t.storeSeries(job)
	default:
		t.storeOne(job)
	}
}

// storeOne takes a task to its outcome that concerns a resource of its own.
func (t *Target) storeOne(job *task) {
	body, err := t.bodyOf(job)
	if err != nil {
		job.fail(err)
		return
	}
	defer body.release()
	switch job.mode {
	case creates:
		t.create(job, body)
	case updates:
		t.update(job, body, job.tag, load.Written)
	default:
		t.look(job, body)
	}
}

// body is a resource as it is sent for a task.
type body struct {
	content
	shared bool // it is that of the encoded item, which is the run's
}

func (b *body) release() {
	if !b.shared {
		b.content.release()
	}
}

// bodyOf returns the resource of a task, in the form that it has to have.
func (t *Target) bodyOf(job *task) (*body, error) {
	if job.form == job.e.item {
		return &body{job.e.content, true}, nil
	}
	c, err := t.encoder.encode(job.form)
	if err != nil {
		return nil, err
	}
	job.e.item.Damage = job.form.Damage
	job.e.size = c.size
	return &body{c, false}, nil
}

// rename gives a task's item another UID, and its resource the name that goes with it.
func (t *Target) rename(job *task, uid string) (*body, error) {
	job.form = resource.WithUID(job.form, uid)
	return t.bodyOf(job)
}

func (t *Target) put(ctx context.Context, job *task, name string, b *body, o client.PutOptions) (string, error) {
	o.ContentType = "text/calendar; charset=utf-8"
	if t.opts.Contacts {
		o.ContentType = "text/vcard; charset=utf-8"
	}
	o.Size, o.Body = b.size, func() (io.ReadCloser, error) { return b.open(), nil }
	stored, err := t.client.Put(ctx, client.Join(job.place.Href, name), o)
	if err == nil {
		job.name = client.Base(stored.Href)
	}
	return stored.ETag, err
}

// findFor reads what is where a task's resource is or is to be.
func (t *Target) findFor(job *task) (finding, error) {
	f, err := t.find(job.ctx, job.place.Href, job.name)
	if err != nil {
		return f, t.explain(job, err)
	}
	return f, nil
}

// create stores what is not on the server.
func (t *Target) create(job *task, b *body) {
	if !job.intended {
		if err := job.place.ledger.Intend(t.ctx, []ledger.Record{job.record}); err != nil {
			job.fail(&load.Fatal{Err: err})
			return
		}
		job.intended = true
	}
	derived := false
	sent := false // something may have arrived
	for {
		if job.rounds++; job.rounds > mostTries {
			job.fail(fmt.Errorf("the server says that %s is there already, and that there is nothing", job.name))
			return
		}
		var tag string
		err := t.retry(job.ctx, &sent, func(ctx context.Context) (err error) {
			tag, err = t.put(ctx, job, job.name, b, client.PutOptions{IfNoneMatch: "*"})
			return err
		})
		if err == nil {
			job.stored(load.Written, job.name, tag)
			t.tagLater(job)
			return
		}
		other, conflict := client.UIDConflict(err)
		switch {
		case client.Exists(err):
			f, err := t.findFor(job)
			switch {
			case err != nil:
				job.fail(err)
			case !f.there:
				continue // somebody deleted it meanwhile
			default:
				t.judge(job, b, f, sent)
			}
			return
		case conflict && !derived:
			name, here, err := t.holder(job, other)
			if err != nil {
				job.fail(err)
				return
			}
			if here {
				job.name = name
				t.look(job, b)
				return
			}
			// The same meeting is in another calendar of the user, and the server wants each once in an account.
			derived = true
			uid := derivedUID(resource.UID(job.form), job.place.Href)
			renamed, err := t.rename(job, uid)
			if err != nil {
				job.fail(err)
				return
			}
			defer renamed.release()
			b, sent = renamed, false
			job.name = resource.Stem(uid) + t.extension()
			t.noteRenamed(job, uid)
		default:
			job.fail(t.explain(job, err))
			return
		}
	}
}

// derivedUID is the UID that an item has in a collection where the server does not take its own, as it is in another one.
func derivedUID(uid, collection string) string { return uid + "-" + mark(collection) }

// update stores what is on the server in another form, if that has still its ETag.
func (t *Target) update(job *task, b *body, etag string, o load.Outcome) {
	if b = t.fit(job, b); b == nil {
		return
	}
	defer b.release()
	sent := false
	var tag string
	err := t.retry(job.ctx, &sent, func(ctx context.Context) (err error) {
		tag, err = t.put(ctx, job, job.name, b, client.PutOptions{IfMatch: etag})
		return err
	})
	switch {
	case err == nil:
		job.stored(o, job.name, tag)
		t.tagLater(job)
	case client.Changed(err):
		f, err := t.findFor(job)
		switch {
		case err != nil:
			job.fail(err)
		case f.there && f.says(b, false):
			job.stored(o, job.name, f.tag) // the answer to an earlier try did not arrive
		case !f.there:
			job.settle(load.Failed, &load.Conflict{Reason: "it was deleted on the server just now; the archive has changed it too"})
		default:
			job.settle(load.Failed, &load.Conflict{Reason: "it was changed on the server since it was written; the archive has changed it too"})
		}
	default:
		job.fail(t.explain(job, err))
	}
}

// fit returns the body with the UID that the resource has: one that an earlier run had to derive, or one that was found
// under another name. It is nil where that cannot be known: then the task has failed.
func (t *Target) fit(job *task, b *body) *body {
	if stem := strings.TrimSuffix(job.name, t.extension()); stem == resource.Stem(resource.UID(job.form)) {
		return b
	}
	f, err := t.findFor(job)
	if err != nil {
		job.fail(err)
		return nil
	}
	if !f.there || f.uid == "" || f.uid == resource.UID(job.form) {
		return b
	}
	renamed, err := t.rename(job, f.uid)
	if err != nil {
		job.fail(err)
		return nil
	}
	return renamed
}

// look stores what may be on the server already.
func (t *Target) look(job *task, b *body) {
	f, err := t.findFor(job)
	switch {
	case err != nil:
		job.fail(err)
	case !f.there && (job.mode == checks || job.mode == clashes):
		job.conflict("it was deleted on the server since it was written")
	case !f.there:
		t.create(job, b)
	default:
		// The ledger knows that it is the item's: an earlier run may have had to derive the UID.
		if known := job.claim.Record.Name; known == job.name && f.uid != "" && !f.is(job) {
			renamed, err := t.rename(job, f.uid)
			if err != nil {
				job.fail(err)
				return
			}
			defer renamed.release()
			b = renamed
		}
		t.judge(job, b, f, false)
	}
}

// judge decides on an item under whose name there is something. It may have been sent by this run.
func (t *Target) judge(job *task, b *body, f finding, sent bool) {
	same := f.says(b, job.leads && job.claim.State != ledger.Same)
	if !same {
		t.log.Debug("it differs", "collection", job.place.Href, "name", job.name, "differences", f.diff)
	}
	known := job.claim.Record
	pending := job.claim.State == ledger.Pending
	switch {
	case same:
		o := load.Unchanged
		if sent {
			o = load.Written
		}
		job.stored(o, job.name, f.tag)
		// What is under the name that we would have given it is ours, if the ledger knows of it or not.
		job.adopted = job.claim.State == ledger.New && !sent && strings.TrimSuffix(job.name, t.extension()) != resource.Stem(resource.UID(job.form))
	case job.mode == checks, job.mode == clashes:
		job.conflict("it was changed on the server since it was written: " + f.differs())
	case known.Before != nil && known.Before.Tag != "" && f.tag == known.Before.Tag:
		t.update(job, b, f.tag, load.Written) // an update that an earlier run did not get to
	case !f.is(job):
		job.fail(fmt.Errorf("the name %s is taken on the server by something else, with the UID %q; move that, or choose another collection with --folder-map", job.name, f.uid))
	case sent, pending && known.Before == nil && known.Print == job.e.print:
		// It was not there when it was sent: what is there is what the server has made of it.
		o := load.Unchanged
		if sent {
			o = load.Written
		}
		job.stored(o, job.name, f.tag)
	case pending && f.ours && f.tag != "":
		t.update(job, b, f.tag, load.Written) // what a run that died had made of another version of the archive
	default:
		job.settle(load.Unchanged, &load.Conflict{Reason: "there is another version of it on the server, of which the ledger knows nothing: " + f.differs()})
	}
}

// holder returns the name of the resource in the task's collection that has its UID; false where that is elsewhere.
func (t *Target) holder(job *task, href string) (name string, here bool, err error) {
	if href != "" {
		return client.Base(href), sameFolder(href, job.place.Href), nil
	}
	// QUIRK: Radicale and Xandikos do not say where; they mean this collection.
	uids, err := t.listUIDs(job.ctx, job.place.Href)
	if err != nil {
		return "", false, t.explain(job, err)
	}
	name, here = uids[resource.UID(job.form)]
	return name, here, nil
}

// sameFolder reports whether a resource is in a collection, whatever host a server calls itself.
func sameFolder(href, collection string) bool {
	u, err := url.Parse(href)
	if err != nil {
		return false
	}
	c, err := url.Parse(collection)
	return err == nil && path.Dir(u.Path) == path.Clean(c.Path)
}

// tagLater has the ETags that a server keeps back asked for together, when the run ends: one that schedules keeps back most of
// them, and asking for each takes as long as storing it. Where the run does not come to that, the next one compares contents.
func (t *Target) tagLater(job *task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range job.confirm {
		if r.Tag != "" {
			delete(t.untagged[job.place], r.Key)
			continue
		}
		if t.untagged[job.place] == nil {
			t.untagged[job.place] = make(map[string]ledger.Record)
		}
		t.untagged[job.place][r.Key] = r
	}
}

// tagUntagged notes the ETags that servers have kept back.
func (t *Target) tagUntagged(ctx context.Context) error {
	for p, missing := range t.untagged {
		if len(missing) == 0 {
			continue
		}
		if err := t.list(ctx, p); err != nil {
			t.log.Warn("the server does not tell what it has stored", "collection", p.Name, "reason", err)
			continue
		}
		records := make([]ledger.Record, 0, len(missing))
		for _, key := range slices.Sorted(maps.Keys(missing)) {
			r := missing[key]
			r.Tag = p.there[r.Name]
			records = append(records, r)
		}
		if err := p.ledger.Confirm(ctx, records); err != nil {
			return err
		}
	}
	return nil
}

// tagOf asks for the ETag of a resource. Servers that change what they are given do not tell it (RFC 4791 5.3.4).
func (t *Target) tagOf(job *task, name string) (tag string) {
	err := t.patiently(job.ctx, func(ctx context.Context) error {
		r, got, err := t.client.Get(ctx, client.Join(job.place.Href, name), 0)
		if err == nil {
			tag = got.ETag
			err = r.Close()
		}
		return err
	})
	if err != nil {
		return "" // it is compared by content when it matters
	}
	return tag
}

// explain says why an item was refused, and ends the run where that is the answer to everything that follows.
func (t *Target) explain(job *task, err error) error {
	var refused *client.Error
	switch {
	case ends(err):
		return fatal(err)
	case client.TooLarge(err):
		return fmt.Errorf("its %d bytes are more than the server stores in one piece: %w", job.e.size, err)
	case errors.As(err, &refused) && refused.Condition == "supported-calendar-component":
		return fmt.Errorf("%w (%w)", &componentError{job.place.Name, job.e.component}, err)
	}
	return err
}

// ends reports whether an error is that of everything that follows.
func ends(err error) bool {
	var auth *client.AuthError
	return errors.As(err, new(*load.Fatal)) || errors.As(err, &auth) || client.OverQuota(err)
}

// fatal makes an error end the run.
func fatal(err error) error {
	if errors.As(err, new(*load.Fatal)) {
		return err
	}
	return &load.Fatal{Err: err}
}

// retry calls what writes until the server has said something about it. It sets sent where a request may have arrived to
// which no answer came: what follows is to know that.
func (t *Target) retry(ctx context.Context, sent *bool, do func(context.Context) error) error {
	return t.patiently(ctx, func(ctx context.Context) error {
		err := do(ctx)
		if client.Unknown(err) {
			*sent = true
		}
		return err
	})
}

// mostTries is how often a request is made that the server answers with an error of its own.
const mostTries = 4

// patiently repeats what failed for a reason that may pass: no connection, no answer, a server that asks for patience. What
// it does gets a context of its own: when the caller's is done, there is some time left for an answer that is on its way.
func (t *Target) patiently(ctx context.Context, do func(context.Context) error) error {
	request, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	interrupt := func() { cancel(context.Cause(ctx)) }
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(mostGrace, interrupt) })
	defer stop()

	var failing time.Time   // since when
	var asked time.Duration // that the server wanted to be left alone
	for try := 0; ; try++ {
		err := do(request)
		if err == nil {
			return nil
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		pause, throttled := client.Throttled(err)
		asked += pause
		away := client.Unsent(err) || client.Unknown(err)
		switch {
		case !away && !throttled && !(client.Temporary(err) && try < mostTries):
			return err
		case time.Since(failing)-asked > t.opts.Patience, asked > mostAsked:
			return &load.Fatal{Err: fmt.Errorf("the server does not answer as it should; the same command goes on where it stopped: %w", err)}
		}
		p := t.opts.Client.Pace
		if p != nil {
			p.Retried(err.Error())
		}
		switch {
		case throttled && p != nil:
			pause = 0 // the pace has been told, and lets nobody through
		case pause == 0:
			pause = t.backoff(try)
		}
		t.log.Debug("trying again", "in", pause, "reason", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return interrupted(ctx)
		case <-t.ctx.Done():
			timer.Stop()
			return interrupted(t.ctx)
		}
	}
}

const (
	// mostGrace is how long an answer is waited for that is on its way when the run is interrupted.
	mostGrace = 5 * time.Second
	// mostAsked is how long a server may want to be left alone in all before an item of it is given up: some let make only
	// so many calendars an hour.
	mostAsked = 3 * time.Hour
)

// backoff returns how long to wait before something is tried again, which was tried so often.
func (t *Target) backoff(try int) time.Duration {
	return min(pace.Backoff(try+1, nil), t.opts.Patience/4)
}

// noteRenamed tells of an item that got another UID.
func (t *Target) noteRenamed(job *task, uid string) {
	t.count(func(s *Report) { s.Renamed++ })
	t.log.Warn("the server has the UID in another collection: the item is stored under another one, and updates to the meeting will not find it",
		"source", job.e.item.Source, "folder", job.e.item.Folder.String(), "source_id", job.e.item.ID, "uid", uid)
}
