package report

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mailmill/formats"
	"mailmill/load"
)

// Bars draws bars on a terminal: of a run, one for all of it, with its speed and the time left, and one for the current
// folder, and below them a lane for each server; before that one for its first pass; or one of work that is counted in
// bytes. It implements [load.Observer], and [io.Writer] for what else goes to the same terminal: its lines appear above
// the bars.
type Bars struct {
	// Lanes are asked for the lanes of a run, while it is under way, always in the same order. They are set before the
	// first progress.
	Lanes []func() Lane

	terminal io.Writer

	mu        sync.Mutex
	container *mpb.Progress
	bars      []*mpb.Bar

	// What is drawn has a lock of its own: drawing must never wait for a bar that is being added, which waits for it.
	shown sync.Mutex
	run   load.Progress
	speed speeds
	bytes byteCount
	// learnt is how far a first pass is, and read how much of a target is known before the first item is compared.
	learnt struct{ done, total int }
	read   struct {
		now     bool
		place   string
		objects int
	}
}

// byteCount is how far work is that is counted in bytes.
type byteCount struct {
	title       string
	done, total int64
	began       time.Time
}

// barTitle is the width of the column of names left of the bars.
const barTitle = 24

// NewBars returns bars for a terminal. They appear with the first progress and go with Close. How wide the terminal is
// they know only of an [os.File].
func NewBars(terminal io.Writer) *Bars { return &Bars{terminal: terminal} }

// Progress implements [load.Observer].
func (b *Bars) Progress(p load.Progress) {
	b.shown.Lock()
	b.run = p
	b.speed.add(&p)
	b.read.now = false
	b.shown.Unlock()
	whole, folder := b.ofRun()
	found := p.Found
	if p.Open {
		found = 0 // nobody knows how far it is
	}
	set(whole, int64(p.Done), int64(found))
	set(folder, int64(p.FolderDone), int64(p.FolderFound))
}

// Begin shows a run before anything of it is done: the first answer of a server may take its time.
func (b *Bars) Begin(source string) {
	b.shown.Lock()
	b.run = load.Progress{Source: source}
	b.shown.Unlock()
	b.ofRun()
}

// ofRun returns the bars of a run and of the folder at hand, which appear when they are first needed.
func (b *Bars) ofRun() (whole, folder *mpb.Bar) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.container == nil {
		b.begin()
		b.add(func() string { return Printable(b.run.Source) }, func(room int) string { return wholeRun(&b.run, &b.speed, room) })
		b.add(b.folderTitle, b.folderState)
		for _, lane := range b.Lanes {
			b.addLane(lane)
		}
	}
	return b.bars[0], b.bars[1]
}

func (b *Bars) folderTitle() string {
	switch {
	case b.read.now:
		return placeName(b.read.place)
	case b.run.Found == 0:
		return ""
	}
	return folderName(b.run.Folder)
}

func (b *Bars) folderState(int) string {
	switch {
	case b.read.now:
		return "  reading what is there: " + Count(b.read.objects)
	case b.run.Found == 0:
		return ""
	}
	return doneOf(b.run.FolderDone, b.run.FolderFound, b.run.FolderFound == 0)
}

// doneOf tells how many items are done, and of how many if that is known.
func doneOf(done, found int, open bool) string {
	if open {
		return "  " + Count(done)
	}
	return fmt.Sprintf("  %s of %s", Count(done), Count(found))
}

// Reading shows how much of a target has been read that items are to be compared with. It stands in the place of the folder
// at hand until there is progress.
func (b *Bars) Reading(place string, objects int) {
	b.shown.Lock()
	b.read.now, b.read.place, b.read.objects = true, place, objects
	b.shown.Unlock()
	b.ofRun()
}

// Learning shows how many places of how many a first pass has learnt from. Close stands between it and the
// progress of a run.
func (b *Bars) Learning(done, total int) {
	b.shown.Lock()
	b.learnt.done, b.learnt.total = done, total
	b.shown.Unlock()
	b.mu.Lock()
	if b.container == nil {
		b.begin()
		b.add(func() string { return "Learning addresses" }, func(int) string {
			return "  " + Count(b.learnt.done) + " of " + Count(b.learnt.total)
		})
	}
	bar := b.bars[0]
	b.mu.Unlock()
	set(bar, int64(done), int64(total))
}

// Item implements [load.Observer].
func (b *Bars) Item(*formats.Item, load.Outcome, error) {}

// Bytes shows how far work is that is counted in bytes. Close stands between it and the progress of a run.
func (b *Bars) Bytes(title string, done, total int64) {
	b.mu.Lock()
	began := b.container == nil
	b.shown.Lock()
	b.bytes.title, b.bytes.done, b.bytes.total = title, done, total
	if began {
		b.bytes.began = time.Now()
	}
	b.shown.Unlock()
	if began {
		b.begin()
		b.add(func() string { return Printable(b.bytes.title) }, func(int) string {
			speed := perSecond(b.bytes.done, time.Since(b.bytes.began))
			return fmt.Sprintf("  %s of %s   %s/s", Bytes(b.bytes.done), Bytes(b.bytes.total), Bytes(speed))
		})
	}
	bar := b.bars[0]
	b.mu.Unlock()
	set(bar, done, total)
}

// set moves a bar. No bar is ever told that it is complete: they leave together, with Close.
func set(bar *mpb.Bar, done, total int64) {
	bar.SetTotal(total, false)
	bar.SetCurrent(done)
}

func (b *Bars) begin() {
	b.speed = speeds{}
	b.container = mpb.New(mpb.WithOutput(b.terminal), mpb.WithWidth(100), mpb.WithRefreshRate(150*time.Millisecond), mpb.WithAutoRefresh())
	b.bars = nil
}

// home is where each line has to begin: a terminal shows a Ctrl-C as ^C, and leaves the cursor behind it.
const home = "\r"

// add adds a bar between a title and what stands right of it, which is told how many columns are left. Both are called
// with the lock of what is shown.
func (b *Bars) add(title func() string, right func(room int) string) {
	decorator := func(of func(room int) string) decor.Decorator {
		return decor.Any(func(s decor.Statistics) string {
			b.shown.Lock()
			defer b.shown.Unlock()
			return of(s.AvailableWidth)
		})
	}
	style := mpb.BarStyle().Lbound("").Filler("█").Tip("█").Padding("░").Rbound("")
	b.bars = append(b.bars, b.container.New(0, style, mpb.BarWidth(22),
		mpb.PrependDecorators(decorator(func(int) string { return home + text.Pad(ending(title(), barTitle), barTitle+2, ' ') })),
		mpb.AppendDecorators(decorator(right))))
}

// addLane adds a line without a bar.
func (b *Bars) addLane(lane func() Lane) {
	b.bars = append(b.bars, b.container.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
		l := lane()
		title := home + text.Pad(ending(Printable(l.Name), barTitle), barTitle, ' ')
		return title + l.line(s.AvailableWidth-barTitle)
	}))))
}

// wholeRun returns what stands right of the bar of the whole run. Where there is room for so many columns only, bar
// included, speeds are left out.
func wholeRun(p *load.Progress, speed *speeds, room int) string {
	const bar = 12 // the least, with the spaces around it
	if p.Found == 0 {
		return ""
	}
	items, bytes := speed.recent(p)
	speeds := []string{"   " + Count(int(items)) + " items/s", "   " + Bytes(bytes) + "/s"}
	begin, end := doneOf(p.Done, p.Found, p.Open), ""
	if left, ok := speed.left(p); ok {
		end = "   " + shortly(left) + " left"
	}
	for len(speeds) > 0 && bar+text.StringWidth(begin+strings.Join(speeds, "")+end) > room {
		speeds = speeds[1:]
	}
	return begin + strings.Join(speeds, "") + end
}

func perSecond(n int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(n) / d.Seconds())
}

// shortly writes a time left, without digits that nobody believes.
func shortly(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	}
	return Duration(d)
}

// Write writes whole lines above the bars while there are any.
func (b *Bars) Write(p []byte) (int, error) {
	b.mu.Lock()
	container := b.container
	b.mu.Unlock()
	if container == nil {
		return b.terminal.Write(p)
	}
	if _, err := container.Write(append([]byte(home), p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close takes the bars away. Whatever is written from then on goes straight to the terminal, and new progress draws new
// bars.
func (b *Bars) Close() {
	b.mu.Lock()
	container, bars := b.container, b.bars
	b.mu.Unlock()
	if container == nil {
		return
	}
	for _, bar := range bars {
		bar.Abort(true)
	}
	container.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.container = nil
	const eraseLine = "\x1b[K"
	io.WriteString(b.terminal, home+eraseLine) // what is left where the cursor stood behind ^C
}

// Ticker logs a line a minute, for whoever watches a log. It implements [load.Observer].
type Ticker struct {
	Log *slog.Logger
	// What the run does; empty is converting.
	Doing string
	// Lanes are asked for the lanes of a run, as those of [Bars].
	Lanes []func() Lane

	next  time.Duration
	speed speeds
}

// Learning is the first pass of a run, which takes its time, too.
func (t *Ticker) Learning(done, total int, elapsed time.Duration) {
	if elapsed < t.next+time.Minute {
		return
	}
	t.next = elapsed.Truncate(time.Minute)
	t.Log.Info("learning addresses", "done", done, "found", total)
}

// Progress implements [load.Observer].
func (t *Ticker) Progress(p load.Progress) {
	t.speed.add(&p)
	if p.Elapsed < t.next+time.Minute {
		return
	}
	t.next = p.Elapsed.Truncate(time.Minute)
	items, bytes := t.speed.recent(&p)
	args := []any{
		"source", Printable(p.Source), "folder", folderName(p.Folder),
		"done", p.Done, "found", p.Found,
		"items_per_s", items, "speed", Bytes(bytes) + "/s",
	}
	if left, ok := t.speed.left(&p); ok {
		args = append(args, "left", shortly(left))
	}
	for _, lane := range t.Lanes {
		l := lane()
		args = append(args, l.attributes())
	}
	t.Log.Info(cmp.Or(t.Doing, "converting"), args...)
}

// Item implements [load.Observer].
func (t *Ticker) Item(*formats.Item, load.Outcome, error) {}
