package report

import (
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

// Bars draws two bars on a terminal: the whole run, with its speed and the time left, and the current folder. It
// implements [load.Observer], and [io.Writer] for what else goes to the same terminal: its lines appear above the bars.
type Bars struct {
	terminal io.Writer

	mu            sync.Mutex
	container     *mpb.Progress
	whole, folder *mpb.Bar
	state         load.Progress
}

// barTitle is the width of the column of names left of the bars.
const barTitle = 24

// NewBars returns bars for a terminal. They appear with the first progress and go with Close. How wide the terminal is
// they know only of an [os.File].
func NewBars(terminal io.Writer) *Bars { return &Bars{terminal: terminal} }

// Progress implements [load.Observer].
func (b *Bars) Progress(p load.Progress) {
	b.mu.Lock()
	b.state = p
	if b.container == nil {
		b.start()
	}
	whole, folder := b.whole, b.folder
	b.mu.Unlock()
	// The bars are never told that they are complete: they leave together, when the run has ended.
	whole.SetTotal(int64(p.Found), false)
	whole.SetCurrent(int64(p.Done))
	folder.SetTotal(int64(p.FolderFound), false)
	folder.SetCurrent(int64(p.FolderDone))
}

// Item implements [load.Observer].
func (b *Bars) Item(*formats.Item, load.Outcome, error) {}

func (b *Bars) start() {
	b.container = mpb.New(mpb.WithOutput(b.terminal), mpb.WithWidth(100), mpb.WithRefreshRate(150*time.Millisecond), mpb.WithAutoRefresh())
	style := mpb.BarStyle().Lbound("").Filler("█").Tip("█").Padding("░").Rbound("")
	bar := func(title func(load.Progress) string, right func(load.Progress, int) string) *mpb.Bar {
		return b.container.New(0, style, mpb.BarWidth(22),
			mpb.PrependDecorators(b.decorator(func(p load.Progress, _ int) string {
				return text.Pad(ending(title(p), barTitle), barTitle+2, ' ')
			})),
			mpb.AppendDecorators(b.decorator(right)))
	}
	b.whole = bar(func(p load.Progress) string { return Printable(p.Source) }, wholeRun)
	b.folder = bar(func(p load.Progress) string { return folderName(p.Folder) }, func(p load.Progress, _ int) string {
		return fmt.Sprintf("  %s of %s", number(p.FolderDone), number(p.FolderFound))
	})
}

// wholeRun returns what stands right of the bar of the whole run. Where there is room for so many columns only, bar
// included, speeds are left out.
func wholeRun(p load.Progress, room int) string {
	const bar = 12 // the least, with the spaces around it
	speeds := []string{
		"   " + number(int(perSecond(int64(p.Done), p.Elapsed))) + " items/s",
		"   " + Bytes(perSecond(p.Bytes, p.Elapsed)) + "/s",
	}
	begin, end := fmt.Sprintf("  %s of %s", number(p.Done), number(p.Found)), ""
	if left, ok := timeLeft(p); ok {
		end = "   " + shortly(left) + " left"
	}
	for len(speeds) > 0 && bar+text.StringWidth(begin+strings.Join(speeds, "")+end) > room {
		speeds = speeds[1:]
	}
	return begin + strings.Join(speeds, "") + end
}

// decorator returns a text beside a bar; it is told how many columns are left.
func (b *Bars) decorator(of func(load.Progress, int) string) decor.Decorator {
	return decor.Any(func(s decor.Statistics) string {
		b.mu.Lock()
		p := b.state
		b.mu.Unlock()
		return of(p, s.AvailableWidth)
	})
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
	return container.Write(p)
}

// Close takes the bars away. Whatever is written from then on goes straight to the terminal.
func (b *Bars) Close() {
	b.mu.Lock()
	container, whole, folder := b.container, b.whole, b.folder
	b.mu.Unlock()
	if container == nil {
		return
	}
	whole.Abort(true)
	folder.Abort(true)
	container.Wait()
	b.mu.Lock()
	b.container = nil
	b.mu.Unlock()
}

// Ticker logs a line a minute, for whoever watches a log. It implements [load.Observer].
type Ticker struct {
	Log *slog.Logger

	next time.Duration
}

// Progress implements [load.Observer].
func (t *Ticker) Progress(p load.Progress) {
	if p.Elapsed < t.next+time.Minute {
		return
	}
	t.next = p.Elapsed.Truncate(time.Minute)
	args := []any{
		"source", Printable(p.Source), "folder", folderName(p.Folder),
		"done", p.Done, "found", p.Found,
		"items_per_s", perSecond(int64(p.Done), p.Elapsed), "speed", Bytes(perSecond(p.Bytes, p.Elapsed)) + "/s",
	}
	if left, ok := timeLeft(p); ok {
		args = append(args, "left", shortly(left))
	}
	t.Log.Info("converting", args...)
}

// Item implements [load.Observer].
func (t *Ticker) Item(*formats.Item, load.Outcome, error) {}
